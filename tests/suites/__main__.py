"""Third parties' own tests with every function of theirs guarded: `python -m tests.suites [LIBRARY ...]`.

Each suite is run plain, with all functions of the library guarded by name, and by wildcard. Exits with status 1 when
a test that passes plain fails guarded, and is not on the list of what cannot hold (libraries.py).
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tests.suites import redis_server, runs
from tests.suites.fetch import Home, StepFailed
from tests.suites.libraries import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.suites.runs import Run

WAYS = ("names", "wildcards")
ROW = "{:16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = [library for library in LIBRARIES if library.name in options.libraries] or LIBRARIES
    say(ROW.format("", "functions", "guarded", "plain", "names", "wildcards", "seconds"))
    lost = 0
    for library in chosen:
        try:
            lost += compare(library, options.ways)
        except StepFailed as failure:
            say(f"{library.name}: {failure}")
            lost += 1
    say("Each suite passes guarded as it does without." if not lost else f"{lost} tests fail guarded that pass plain.")
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
    counts = [str(len(guarded[way].passed)) if way in guarded else "" for way in WAYS]
    stand = max((run.targets.get("guarded", 0) for run in guarded.values()), default=0)
    say(ROW.format(library.name, functions, stand, len(plain.passed), *counts, f"{time.monotonic() - started:.0f}"))
    if library.needs_redis and not redis_server.is_there():
        say(f"  without {redis_server.PROGRAM} only the tests that need none pass: install it, such as by apt")
    return sum(tell(home, plain, way, run) for way, run in guarded.items())


def tell(home: Home, plain: Run, way: str, run: Run) -> int:
    """Tell of each test that fails guarded; returns how many are to be mended."""
    lost = sorted(plain.passed - run.passed)
    if not lost:
        return 0
    again = runs.run(home, way, lost)
    steady = [test for test in lost if test not in again.passed]
    for test in lost:
        if test in again.passed:
            say(f"  {way}: passed when run again: {test}")
    mended = 0
    for test in steady:
        reason = excuse(home.library.cannot_hold.items(), test)
        mended += reason is None
        said = (again.failed.get(test) or run.failed.get(test) or "it was not run").strip().splitlines()
        say(f"  {way}: {'FAILS' if reason is None else 'cannot hold'}: {test}: {reason or said[-1]}")
    return mended


def excuse(known: Iterable[tuple[str, str]], test: str) -> str | None:
    return next((reason for beginning, reason in known if test.startswith(beginning)), None)


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
