"""Runs the tests of third-party libraries with all functions guarded: `python -m tests.suites [LIBRARY ...]`.

Each suite runs unguarded, then with all functions of the library guarded by name, and by wildcard. The exit status is
1 when a test that passes unguarded fails guarded, unless libraries.py lists it as a known failure.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from examples.checkout.processes import Interrupted, interruptible
from tests.suites import redis_server, runs
from tests.suites.fetch import LibraryFolder, StepFailed
from tests.suites.libraries import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.suites.runs import Run

WAYS = ("names", "wildcards")
MAX_RETRIED = 200
"""Failed tests that are run once more; of more tests only the log has the details."""
ROW = "{:16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = [library for library in LIBRARIES if library.name in options.libraries] or LIBRARIES
    interruptible()
    print_line(ROW.format("", "functions", "guarded", "unguarded", "names", "wildcards", "seconds"))
    failures = 0
    try:
        for library in chosen:
            try:
                failures += compare(library, options.ways)
            except StepFailed as failure:
                print_line(f"{library.name}: {failure}")
                failures += 1
    except Interrupted as interrupt:
        return interrupt.exit_status
    print_line(
        f"{failures} tests fail guarded that pass unguarded."
        if failures
        else "Each suite passes guarded as it does unguarded."
    )
    return 1 if failures else 0


def compare(library: Library, ways: Sequence[str]) -> int:
    """Run a suite without and with guards, and print the results; returns how many tests fail because of guards."""
    started = time.monotonic()
    home = LibraryFolder(library)
    home.set_up()
    functions = runs.list_functions(home)
    unguarded = runs.run(home, "unguarded")
    if not unguarded.passed:
        raise StepFailed(f"no test passes unguarded: see {unguarded.log}")
    guarded = {way: runs.run(home, way) for way in ways}
    for way, run in guarded.items():
        if not run.targets.get("guarded"):
            raise StepFailed(f"nothing is guarded by {way}: see {run.log}")
    counts = [str(len(guarded[way].passed)) if way in guarded else "" for way in WAYS]
    guards = max((run.targets.get("guarded", 0) for run in guarded.values()), default=0)
    print_line(
        ROW.format(library.name, functions, guards, len(unguarded.passed), *counts, f"{time.monotonic() - started:.0f}")
    )
    if library.needs_redis and not redis_server.is_installed():
        print_line(f"  without {redis_server.PROGRAM} only the tests that need none pass: install it, such as by apt")
    return sum(report_failures(home, unguarded, way, run) for way, run in guarded.items())


def report_failures(home: LibraryFolder, unguarded: Run, way: str, run: Run) -> int:
    """Print each test that fails guarded; returns how many are unexpected.

    An unexpected failure is run once more alone: a test may fail because of another test's garbage, which is collected
    at another time with guards.
    """
    failures = sorted(unguarded.passed - run.passed)
    reasons = {test: known_reason(home.library.known_failures, test) for test in failures}
    for test, reason in reasons.items():
        if reason is not None:
            print_line(f"  {way}: known to fail: {test}: {reason}")
    unexpected = [test for test, reason in reasons.items() if reason is None]
    if not unexpected:
        return 0
    if len(unexpected) > MAX_RETRIED:
        print_line(f"  {way}: {len(unexpected)} tests FAIL, or were not run: see {run.log}")
        return len(unexpected)
    again = runs.run(home, way, unexpected)
    for test in unexpected:
        if test in again.passed:
            print_line(f"  {way}: passed when run alone: {test}")
        else:
            output = (again.failed.get(test) or run.failed.get(test) or "it was not run").strip().splitlines()
            print_line(f"  {way}: FAILS: {test}: {output[-1]}")
    return len(set(unexpected) - again.passed)


def known_reason(known: Mapping[str, str], test: str) -> str | None:
    """Why a test must fail when its functions are guarded; None when that is not known."""
    return next((reason for beginning, reason in known.items() if test.startswith(beginning)), None)


def print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    names = [library.name for library in LIBRARIES]
    parser.add_argument(
        "libraries", nargs="*", choices=[*names, []], default=[], metavar="LIBRARY", help=", ".join(names)
    )
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=WAYS, help="how to guard")
    return parser


if __name__ == "__main__":
    sys.exit(main())
