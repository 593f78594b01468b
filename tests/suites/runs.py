"""One run of a library's tests in its own environment, and what became of each test."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.suites import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.suites.fetch import Home

GUARD: Final = Path(__file__).with_name("guard.py")
LONGEST_TEST: Final = 60
"""Seconds; one that a guard makes wait for ever must not stop the suite."""
LONGEST_SUITE: Final = 1800
"""Seconds."""
CONFIGURING: Final = re.compile("^(OTEL_|PYTHON|PYTEST_)|CERT|CA_BUNDLE|_proxy$", re.IGNORECASE)
OPTIONS: Final = (f"--timeout={LONGEST_TEST}", "-p", "no:cacheprovider", "-q", "--durations=15")


@dataclass
class Run:
    """What became of the tests of one run."""

    log: Path
    """What the tests printed."""
    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    """Tests, and what cannot be collected, with what pytest says of them."""
    targets: dict[str, int] = field(default_factory=dict)
    """How many targets were guarded, pending, missing or refused in the end."""


def list_functions(home: Home) -> int:
    """Write down all functions of a library; returns how many there are."""
    library, listing = home.library, _listing(home)
    command = [str(home.python), str(GUARD), "list", library.package, str(listing), *library.left_out_modules]
    subprocess.run(command, cwd=home.source, env=_environment(), check=True)
    return sum(len(names) for names in json.loads(listing.read_text()).values())


def run(home: Home, how: str, tests: Sequence[str] = ()) -> Run:
    """Run a suite.

    Args:
        home: the library's.
        how: `plain`, `names` or `wildcards`.
        tests: only these; all of the library's without any.
    """
    name = f"{how}-again" if tests else how
    run = Run(home.folder / f"{name}.log")
    outcomes = home.folder / f"{name}.jsonl"
    outcomes.unlink(missing_ok=True)
    command = [str(home.python), str(GUARD), "run", how, str(_listing(home)), str(outcomes)]
    chosen = tests or [*home.library.tests, *(f"--deselect={each}" for each in home.library.deselected)]
    with run.log.open("wb") as output, _service(home) as options:
        _wait_for(
            subprocess.Popen(
                [*command, *OPTIONS, *home.library.options, *options, *chosen],
                cwd=home.source,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        )
    read(outcomes, run)
    return run


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LONGEST_SUITE)
    except subprocess.TimeoutExpired:
        pass  # what it has written so far tells
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _listing(home: Home) -> Path:
    return home.folder / "functions.json"


def _environment() -> dict[str, str]:
    """As a newcomer's: nothing in it configures OpenTelemetry, Python, pytest, a proxy or whom TLS trusts."""
    return {name: value for name, value in os.environ.items() if not CONFIGURING.search(name)}


@contextmanager
def _service(home: Home) -> Iterator[list[str]]:
    """What the tests need to run beside them; gives the options that tell them of it."""
    if home.library.needs_redis and redis_server.is_there():
        with redis_server.redis_server(home.folder) as url:
            yield [f"--redis-url={url}"]
    else:
        yield []


def read(outcomes: Path, run: Run) -> None:
    """Take over what guard.py wrote of each test."""
    if not outcomes.exists():
        return
    passed = set()
    for line in outcomes.read_text().splitlines():
        told = json.loads(line)
        if "targets" in told:
            run.targets = told["targets"]
        elif told["outcome"] == "failed":
            run.failed[told["test"]] = told["text"]
        elif told["outcome"] == "passed":
            passed.add(told["test"])
    run.passed = passed - set(run.failed)
