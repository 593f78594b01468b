"""A program with OpenTelemetry's API alone: its calls are guarded, and nothing is printed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from examples.checkout import configuration

pytestmark = pytest.mark.processes


def run(program: str) -> str:
    """What a program prints; it must end with status 0, and print no problem."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=configuration.clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_calls_are_guarded_and_nothing_is_printed() -> None:
    program = """
from otel_breaker import CircuitOpenError, get_breaker

@get_breaker("payments", failure_threshold=3)
def charge():
    raise OSError

for _ in range(5):
    try:
        charge()
    except (OSError, CircuitOpenError) as error:
        print(type(error).__name__)
"""

    printed = run(program)

    assert printed.split() == ["OSError"] * 3 + ["CircuitOpenError"] * 2


def test_coroutines_and_blocks_are_guarded_and_nothing_is_printed() -> None:
    program = """
import asyncio
from otel_breaker import CircuitBreaker, CircuitOpenError

breaker = CircuitBreaker("payments", failure_threshold=2)

@breaker
async def charge():
    raise OSError

async def main():
    for _ in range(2):
        try:
            await charge()
        except OSError:
            print("failed")
    try:
        async with breaker.guard():
            print("reached")
    except CircuitOpenError as error:
        print(error)

asyncio.run(main())
"""

    printed = run(program)

    assert printed == "failed\nfailed\ncircuit breaker 'payments' is open; retry after 60 s\n"


def test_neither_the_sdk_nor_what_only_patching_needs_is_imported() -> None:
    program = """
import sys
import otel_breaker

with otel_breaker.CircuitBreaker("payments").guard():
    pass
print([name for name in sys.modules if name.partition(".")[0] in ("wrapt", "yaml")], "opentelemetry.sdk" in sys.modules)
"""

    printed = run(program)

    assert printed == "[] False\n"
