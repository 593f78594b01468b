"""Measures the cost of a breaker against its peers and against bars: `python -m tests.bench`.

Exits with status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import growth, memory, overload, report, rows, startup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.results import Result


class Effort(NamedTuple):
    """How much is measured."""

    sample: float
    """Seconds of one sample."""
    with_bar: int
    """Rounds of a row with a bar."""
    without_bar: int
    """Rounds of a row without one."""
    starts: int
    """Processes started for each figure of the start-up."""
    overload: float
    """Seconds for which each contender is overloaded."""


FULL = Effort(sample=0.002, with_bar=101, without_bar=41, starts=9, overload=7.5)
QUICK = Effort(sample=0.001, with_bar=21, without_bar=9, starts=3, overload=5.0)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    results = []
    for result in _measure(QUICK if options.quick else FULL, options.only):
        results.append(result)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{result.section}: {result.name}")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    report.show(results)
    report.write_json(results, options.json)
    if options.markdown is not None:
        report.write_markdown(results, options.markdown)
    return 0 if all(result.met for result in results) else 1


def _measure(effort: Effort, only: str) -> Iterator[Result]:
    parts: dict[str, Callable[[], Iterator[Result]]] = {
        "overload": lambda: overload.measure(effort.overload),
        "startup": lambda: startup.measure(effort.starts),
        "memory": memory.measure,
        "growth": lambda: growth.measure(effort.without_bar, effort.sample),
    }
    for row in rows.ROWS:
        if only == "all" or (only == "bars" and row.section == rows.BARS) or only == "rows":
            yield rows.measure(row, effort.with_bar if row.bar is not None else effort.without_bar, effort.sample)
    for name, measure in parts.items():
        if only in ("all", name):
            yield from measure()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short, rough run")
    parser.add_argument(
        "--only",
        choices=("all", "bars", "rows", "growth", "memory", "overload", "startup"),
        default="all",
        help="a part of it",
    )
    parser.add_argument("--json", type=Path, default=Path("bench-results.json"), help="where to write the figures")
    parser.add_argument("--markdown", type=Path, help="write the tables as a document, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
