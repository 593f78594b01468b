"""Reports the results: a table for people, JSON for programs, Markdown for the documentation."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib import metadata
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.bench.peers import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.bench.results import Result

_HEADINGS: Final = ("", "against", "measured", "quartiles", "bar", "goal", "takes", "")
_TEXTS: Final = 2  # columns at the left without numbers
_MISSED: Final = "MISSED"
_RELEASES: Final = ("otel-breaker", "opentelemetry-api", "opentelemetry-sdk", "wrapt", *DISTRIBUTIONS.values())
_ABOUT: Final = """\
# Performance

Measured by `make bench`, which fails when a bar is missed. A ratio is the median of short rounds that alternate in one
process, each compared with the adjacent round; below 1 is faster than the reference. The times depend on the machine,
the ratios hardly. Every figure includes the call of a function that returns its argument, and the loop; a refusal
includes raising and catching. Each peer is used as its documentation shows, with its default rules; "the fastest peer"
is found by measuring all that have the same ability.

A span by hand is `start_as_current_span` with two attributes, without the recorded traceback that is its default for
exceptions, which costs several times all the rest. Spans go through a `BatchSpanProcessor` to an exporter that
discards them.
"""


def circumstances() -> dict[str, object]:
    """The machine, the Python and the releases of a measurement."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "releases": dict(_releases()),
    }


def _releases() -> Iterator[tuple[str, str]]:
    for name in _RELEASES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"


def show(results: Sequence[Result]) -> None:
    """Print all tables, and how many bars are kept."""
    console = Console(width=None if Console().is_terminal else 150)
    for section, lines in groupby(results, lambda result: result.section):
        table = Table(title=section, title_justify="left", title_style="bold")
        headings, *rows = _columns_in_use(list(lines))
        for index, heading in enumerate(headings):
            table.add_column(heading, justify="left" if index < _TEXTS else "right")
        for row in rows:
            table.add_row(*row, style="bold red" if row[-1] == _MISSED else "")
        console.print(table)
    missed = [result for result in results if not result.met]
    with_bar = sum(result.bar is not None for result in results)
    console.print(f"{with_bar - len(missed)} of {with_bar} bars are kept.", style="bold")


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write all results, for comparisons of runs."""
    found = [{**asdict(result), "met": result.met} for result in results]
    path.write_text(json.dumps({**circumstances(), "results": found}, indent=1) + "\n")


def write_markdown(results: Sequence[Result], path: Path) -> None:
    """Write the tables as a document."""
    machine = circumstances()
    parts = [_ABOUT, f"Measured with {machine['python']} on {machine['machine']}; {_list_of_releases()}."]
    for section, lines in groupby(results, lambda result: result.section):
        headings, *rows = _columns_in_use(list(lines))
        parts.append(f"\n## {section}\n")
        parts.append(_line(headings))
        parts.append(_line(["---" if index < _TEXTS else "--:" for index in range(len(headings))]))
        parts.extend(_line(row) for row in rows)
    path.write_text("\n".join(parts) + "\n")


def _list_of_releases() -> str:
    return ", ".join(f"{name} {version}" for name, version in _releases())


def _columns_in_use(results: Sequence[Result]) -> list[list[str]]:
    """Headings and rows, without columns that are empty in every row; subject and reference always stay."""
    rows = [_cells(result) for result in results]
    used = [index for index in range(len(_HEADINGS)) if index < _TEXTS or any(row[index] for row in rows)]
    return [[row[index] for index in used] for row in (_HEADINGS, *rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(result: Result) -> tuple[str, ...]:
    spread = f"{result.low:.2f}-{result.high:.2f}" if result.low is not None and result.high is not None else ""
    verdict = _MISSED if not result.met else "goal" if result.reached else ""
    return (
        result.name,
        result.against,
        _figure(result.value, result.unit),
        spread,
        "" if result.bar is None else _figure(result.bar, result.unit),
        "" if result.goal is None else _figure(result.goal, result.unit),
        "" if result.subject is None else _time(result.subject),
        verdict,
    )


def _figure(value: float, unit: str) -> str:
    return f"{value:.2f}" if unit == "x" else f"{value:,.0f} {unit}"


def _time(seconds: float) -> str:
    for unit, factor in (("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
