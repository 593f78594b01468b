"""One run of a library's tests in its own environment, and the outcome of each test."""

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

    from tests.suites.fetch import LibraryFolder

GUARD: Final = Path(__file__).with_name("guard.py")
LONGEST_TEST: Final = 60
"""Seconds; a test that a guard makes wait for ever must not stop the suite."""
LONGEST_SUITE: Final = 1800
"""Seconds."""
CONFIGURING: Final = re.compile("^(OTEL_|PYTHON|PYTEST_)|CERT|CA_BUNDLE|_proxy$", re.IGNORECASE)
OPTIONS: Final = (f"--timeout={LONGEST_TEST}", "-p", "no:cacheprovider", "-q", "--durations=15")


@dataclass
class Run:
    """The outcomes of one run."""

    log: Path
    """The output of the tests."""
    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    """Tests and modules that failed, with pytest's report."""
    targets: dict[str, int] = field(default_factory=dict)
    """How many targets were guarded, pending, missing or refused at the end."""


def list_functions(home: LibraryFolder) -> int:
    """Write all functions of a library to a file; returns their number."""
    library, listing = home.library, _listing(home)
    command = [str(home.python), str(GUARD), "list", library.package, str(listing), *library.left_out_modules]
    subprocess.run(command, cwd=home.source, env=_environment(), check=True)
    return sum(len(names) for names in json.loads(listing.read_text()).values())


def run(home: LibraryFolder, how: str, tests: Sequence[str] = ()) -> Run:
    """Run a suite.

    Args:
        home: the folder of the library.
        how: `unguarded`, `names` or `wildcards`.
        tests: the tests to run; all tests of the library when empty.
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
        pass  # the outcomes so far are in its file
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _listing(home: LibraryFolder) -> Path:
    return home.folder / "functions.json"


def _environment() -> dict[str, str]:
    """This environment without variables that configure OpenTelemetry, Python, pytest, a proxy or TLS certificates."""
    return {name: value for name, value in os.environ.items() if not CONFIGURING.search(name)}


@contextmanager
def _service(home: LibraryFolder) -> Iterator[list[str]]:
    """Run the servers that the tests need; yields the options of pytest that name them."""
    if home.library.needs_redis and redis_server.is_installed():
        with redis_server.redis_server(home.folder) as url:
            yield [f"--redis-url={url}"]
    else:
        yield []


def read(outcomes: Path, run: Run) -> None:
    """Read the outcomes that guard.py wrote."""
    if not outcomes.exists():
        return
    passed = set()
    for line in outcomes.read_text().splitlines():
        entry = json.loads(line)
        if "targets" in entry:
            run.targets = entry["targets"]
        elif entry["outcome"] == "failed":
            run.failed[entry["test"]] = entry["text"]
        elif entry["outcome"] == "passed":
            passed.add(entry["test"])
    run.passed = passed - set(run.failed)
