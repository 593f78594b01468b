"""Third parties' own tests with every function of theirs guarded: `python -m tests.suites [LIBRARY ...]`.

Each suite is run plain, with all functions of the library guarded by name, and by wildcard. Exits with status 1 when
a test that passes plain fails guarded, and is not on the list of what cannot hold (libraries.py).
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from examples.checkout.processes import Interrupted, interruptible
from tests.suites import redis_server, runs
from tests.suites.fetch import Home, StepFailed
from tests.suites.libraries import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.suites.runs import Run

WAYS = ("names", "wildcards")
MOST_DOUBTFUL = 200
"""Tests that are run once more; of more than these the log tells."""
ROW = "{:16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = [library for library in LIBRARIES if library.name in options.libraries] or LIBRARIES
    interruptible()
    say(ROW.format("", "functions", "guarded", "plain", "names", "wildcards", "seconds"))
    lost = 0
    try:
        for library in chosen:
            try:
                lost += compare(library, options.ways)
            except StepFailed as failure:
                say(f"{library.name}: {failure}")
                lost += 1
    except Interrupted as interrupt:
        return interrupt.exit_status
    say(f"{lost} tests fail guarded that pass plain." if lost else "Each suite passes guarded as it does without.")
    return 1 if lost else 0


def compare(library: Library, ways: Sequence[str]) -> int:
    """Run a suite without and with guards, and tell; returns how many tests fail because of them."""
    started = time.monotonic()
    home = Home(library)
    home.set_up()
    functions = runs.list_functions(home)
    plain = runs.run(home, "plain")
    if not plain.passed:
        raise StepFailed(f"no test passes plain: see {plain.log}")
    guarded = {way: runs.run(home, way) for way in ways}
    for way, run in guarded.items():
        if not run.targets.get("guarded"):
            raise StepFailed(f"nothing is guarded by {way}: see {run.log}")
    counts = [str(len(guarded[way].passed)) if way in guarded else "" for way in WAYS]
    stand = max((run.targets.get("guarded", 0) for run in guarded.values()), default=0)
    say(ROW.format(library.name, functions, stand, len(plain.passed), *counts, f"{time.monotonic() - started:.0f}"))
    if library.needs_redis and not redis_server.is_there():
        say(f"  without {redis_server.PROGRAM} only the tests that need none pass: install it, such as by apt")
    return sum(tell(home, plain, way, run) for way, run in guarded.items())


def tell(home: Home, plain: Run, way: str, run: Run) -> int:
    """Tell of each test that fails guarded; returns how many are to be mended.

    What is not known to fail is run once more by itself: a test may fail for what another has left behind, at a
    moment that guards have moved.
    """
    lost = sorted(plain.passed - run.passed)
    reasons = {test: excuse(home.library.cannot_hold, test) for test in lost}
    for test, reason in reasons.items():
        if reason is not None:
            say(f"  {way}: cannot hold: {test}: {reason}")
    doubtful = [test for test, reason in reasons.items() if reason is None]
    if not doubtful:
        return 0
    if len(doubtful) > MOST_DOUBTFUL:
        say(f"  {way}: {len(doubtful)} tests FAIL, or were not run: see {run.log}")
        return len(doubtful)
    again = runs.run(home, way, doubtful)
    for test in doubtful:
        if test in again.passed:
            say(f"  {way}: passed when run by itself: {test}")
        else:
            said = (again.failed.get(test) or run.failed.get(test) or "it was not run").strip().splitlines()
            say(f"  {way}: FAILS: {test}: {said[-1]}")
    return len(set(doubtful) - again.passed)


def excuse(known: Mapping[str, str], test: str) -> str | None:
    """Why a test must fail, if that is known."""
    return next((reason for beginning, reason in known.items() if test.startswith(beginning)), None)


def say(text: str) -> None:
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
