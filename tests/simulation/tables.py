"""The tables of docs/decisions.md: which cells they have, and how a cell is written."""

from __future__ import annotations

from statistics import mean, median
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.simulation import contenders, rows
from tests.simulation.guards import Breaker
from tests.simulation.results import Goodput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.contenders import Contender
    from tests.simulation.rows import Row
    from tests.simulation.run import Run


class Table(NamedTuple):
    """Rows against contenders, as the share of requests that succeeded."""

    marker: str
    """Names the table in the document."""
    rows: Sequence[Row]
    contenders: Sequence[Contender]
    contenders_down: bool = False
    """Whether each contender has a line, instead of each row."""

    def text(self, cells: dict[tuple[str, str], str]) -> str:
        """The table as Markdown.

        Args:
            cells: texts by the names of row and contender.
        """
        lines, columns = [row.name for row in self.rows], [one.name for one in self.contenders]
        if self.contenders_down:
            flipped = {(contender, row): text for (row, contender), text in cells.items()}
            return _markdown(columns, lines, flipped)
        return _markdown(lines, columns, cells)


def goodput_text(goodputs: Sequence[Goodput]) -> str:
    """The mean of several runs: during the fault, after it."""
    average = Goodput.mean(goodputs)
    return f"{average.during:.0f}, {average.after:.0f}"


def _markdown(lines: Sequence[str], columns: Sequence[str], cells: dict[tuple[str, str], str]) -> str:
    parts = [f"| | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    parts += [f"| {line} | {' | '.join(cells[line, column] for column in columns)} |" for line in lines]
    return "\n".join(parts)


TABLES: Final = (
    Table(
        "faults",
        rows.ROWS,
        (
            contenders.NONE,
            contenders.CLASSIC_RULE,
            contenders.ONLY_RULES,
            contenders.RULES_AND_AUTO,
            contenders.UNTIMED_AND_AUTO,
        ),
    ),
    Table(
        "limits",
        (*rows.SURGES, rows.SOME_ERRORS),
        (contenders.ONLY_RULES, *contenders.FIXED, contenders.RULES_AND_AUTO),
        contenders_down=True,
    ),
    Table(
        "left out",
        (rows.SURGE, rows.BROWN_OUT, rows.COLD_START, rows.HANG, rows.SOME_ERRORS),
        (contenders.ONLY_RULES, *contenders.LEFT_OUT, contenders.RULES_AND_AUTO),
        contenders_down=True,
    ),
)


def seconds_until_trip(run: Run) -> float:
    """How long after the beginning of the fault half of the clients have tripped."""
    machines = (machine for guard in run.guards if isinstance(guard, Breaker) for machine in guard.machines)
    trips = [machine.first_trip.at for machine in machines if machine.first_trip is not None]
    return median(trips) - rows.HANG.deployment.fault_begins


def hang_table() -> str:
    """A hang: when it is detected, what it costs until then, and what is refused after it."""
    columns = ("trips after", "threads wait for", "refused of calls that would succeed")
    cells: dict[tuple[str, str], str] = {}
    for contender in contenders.OF_A_HANG:
        runs = [rows.HANG.run(contender, seed) for seed in rows.SEEDS]
        texts = (
            f"{mean(map(seconds_until_trip, runs)):.1f} s",
            f"{mean(run.results.waited for run in runs):,.0f} s",
            f"{mean(run.results.refused_while_well for run in runs):.1f} %",
        )
        cells |= {(contender.name, column): text for column, text in zip(columns, texts, strict=True)}
    return _markdown([one.name for one in contenders.OF_A_HANG], columns, cells)
