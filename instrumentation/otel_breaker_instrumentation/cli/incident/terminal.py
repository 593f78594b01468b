"""The incident in the terminal: eighty columns are enough, and a pipe gets plain text. What is said is in `words`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_breaker.core.states import CircuitState
from otel_breaker_instrumentation.cli.incident import facts, words
from otel_breaker_instrumentation.cli.incident.lanes import UNKNOWN, lanes, window
from otel_breaker_instrumentation.cli.incident.questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from otel_breaker_instrumentation.cli.incident.episode import Episode, Move
    from otel_breaker_instrumentation.cli.incident.lanes import Lane
    from otel_breaker_instrumentation.cli.incident.model import Circuit, Incident

_SIGNS: Final = {
    UNKNOWN: (" ", ""),
    CircuitState.CLOSED.value: ("─", "green"),
    CircuitState.HALF_OPEN.value: ("▒", "yellow"),
    CircuitState.OPEN.value: ("█", "red"),
    CircuitState.FORCED_OPEN.value: ("▓", "red"),
    CircuitState.FORCED_CLOSED.value: ("═", "green"),
}
_CELLS: Final = 60
_URGENT: Final = (CircuitState.HALF_OPEN.value, CircuitState.OPEN.value, CircuitState.FORCED_OPEN.value)
"""What a cell shows rather than what else was in its time; the last one most of all."""
_HEAD, _TAIL = 8, 6
"""Of very many moves, how many are shown."""


def report(incident: Incident) -> RenderableType:
    """Everything, circuit by circuit."""
    if not incident.circuits:
        return Text(facts.summary(incident))
    start, end = window(incident)
    parts: list[RenderableType] = [Text(facts.summary(incident), "bold"), Text(_legend(), "dim")]
    for circuit in incident.circuits:
        parts += [Text(), _heading(circuit)]
        parts += [Padding(_bar(lane, start, end), (0, 0, 0, 2)) for lane in lanes(circuit, start, end)]
        loose = [move for move in circuit.moves if not move.episode]
        if loose:
            parts.append(Padding(_moves(loose), (0, 0, 0, 2)))
        parts += [Padding(_episode(incident, episode), (1, 0, 0, 2)) for episode in circuit.episodes]
    return Group(*parts)


def answers(incident: Incident, number: int | None = None) -> RenderableType:
    """The questions of docs/oncall.md, the first so many or all, answered."""
    parts: list[RenderableType] = []
    for question in QUESTIONS[:number]:
        parts.append(Text(question.text, "bold"))
        parts += [
            Padding(Text(line.strip()), (0, 0, 0, 4 if line.startswith(" ") else 2))
            for line in question.answer(incident)
        ]
    return Group(*parts)


def _legend() -> str:
    return "  ".join(f"{_SIGNS[state][0]} {name}" for state, name in words.STATES.items())


def _heading(circuit: Circuit) -> Text:
    state = words.STATES.get(circuit.state, circuit.state)
    return Text.assemble(
        (words.circuit(circuit.identity), "bold"),
        f" of {words.where(circuit.identity.place)}, in the end ",
        (state, _SIGNS.get(circuit.state, ("", ""))[1]),
    )


def _bar(lane: Lane, start: int, end: int) -> Text:
    """A lane in a few cells; each shows the most urgent state of its time."""
    ranks = {state: rank for rank, state in enumerate(_URGENT, 1)}
    cells = [UNKNOWN] * _CELLS
    for stretch in lane.stretches:
        first, last = ((time - start) * _CELLS / max(1, end - start) for time in (stretch.start, stretch.end))
        for cell in range(int(first), min(_CELLS, max(int(last), int(first) + 1))):
            if ranks.get(stretch.state, 0) >= ranks.get(cells[cell], 0):
                cells[cell] = stretch.state
    return Text.assemble("▕", *(_SIGNS.get(state, _SIGNS[UNKNOWN]) for state in cells), "▏")


def _episode(incident: Incident, episode: Episode) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts.facts(incident, episode):
        table.add_row(name, Text(text))
    return Group(Text(f"Episode {episode.id}", "underline"), table, _moves(episode.moves))


def _moves(moves: Sequence[Move]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for move, gap in facts.thinned(moves, _HEAD, _TAIL):
        if gap:
            table.add_row("…", f"{gap:,} more", "")
        else:
            table.add_row(words.clock(move.time), _change(move), Text(facts.what_happened(move)))
    return table


def _change(move: Move) -> Text:
    before, after = (words.STATES.get(state, state) for state in (move.before, move.after))
    return Text.assemble(f"{before} → ", (after, _SIGNS.get(move.after, ("", ""))[1]))
