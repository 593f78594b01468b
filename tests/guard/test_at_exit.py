"""Guarded finalisers run at the end of a program, when its modules are cleared, as they would unguarded."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

PROGRAM = """
import builtins, logging, os, sys
from otel_breaker import CircuitBreaker
{sdk}
guard = {guard}

class Connection:
    @guard
    def __del__(self, write=os.write):
        write(1, b"closed ")

class Leaking:
    @guard
    def __del__(self):
        raise OSError

class Stream:
    @guard
    def read(self):
        yield 1

    def __init__(self):
        self.reading = self.read()
        next(self.reading)

for place in (sys, builtins, logging, sys.modules["__main__"]):
    place.kept = Connection(), Leaking(), Stream()
kept_by_a_cycle = Connection()
kept_by_a_cycle.itself = kept_by_a_cycle
"""
SDK = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
TIMED = 'CircuitBreaker("finalisers", slow_call_duration=1, slow_call_rate=1)'


def output(guard: str, sdk: str) -> tuple[str, list[str]]:
    """What a program prints, and its warnings without file and line."""
    program = PROGRAM.format(guard=guard, sdk=sdk)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    places = ("  ", "Traceback", "Exception ignored")
    return done.stdout, [line for line in done.stderr.splitlines() if not line.startswith(places)]


@pytest.mark.parametrize("sdk", ["", SDK], ids=["untraced", "traced"])
@pytest.mark.parametrize("guard", ['CircuitBreaker("finalisers", failure_threshold=100)', TIMED])
def test_a_guarded_finaliser_at_the_end_of_the_program_runs_and_shows_only_its_own_errors(sdk: str, guard: str) -> None:
    assert output(guard, sdk) == output("lambda function: function", sdk)
