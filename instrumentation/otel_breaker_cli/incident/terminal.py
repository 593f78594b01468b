"""The incident in the terminal: eighty columns are enough, and a pipe gets plain text. What is said is in `words`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_breaker.core.states import CircuitState
from otel_breaker_cli.incident import descriptions, wording
from otel_breaker_cli.incident.episode import SHADOW
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.symbols import BLOCKS, STYLES
from otel_breaker_cli.incident.timeline import UNKNOWN_STATE, lanes, visible_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedStateChange
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident
    from otel_breaker_cli.incident.symbols import Symbols
    from otel_breaker_cli.incident.timeline import Lane

_CELLS: Final = 60
_ENDLESS: Final = 2**20
"""Columns: no line out of telemetry is as long, since all that it names is bounded."""
_URGENT: Final = (CircuitState.HALF_OPEN.value, CircuitState.OPEN.value, CircuitState.FORCED_OPEN.value)
"""What a cell shows rather than what else was in its time; the last one most of all."""
_HEAD, _TAIL = 8, 6
"""Of very many moves, how many are shown."""


def plain(content: RenderableType) -> str:
    """As a pipe gets it: no colours, each line whole, and nothing after its end."""
    output = io.StringIO()
    Console(file=output, width=_ENDLESS, color_system=None, force_terminal=False).print(content)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def report(incident: Incident, signs: Symbols = BLOCKS) -> RenderableType:
    """Everything, circuit by circuit."""
    if not incident.circuits:
        return Text(descriptions.summary(incident))
    start, end = visible_range(incident)
    parts: list[RenderableType] = [Text(descriptions.summary(incident), "bold"), Text(_legend(incident, signs), "dim")]
    for circuit in incident.circuits:
        parts += [Text(), _heading(circuit)]
        parts += [_indented(_bar(lane, start, end, signs)) for lane in lanes(circuit, start, end)]
        loose = [move for move in circuit.state_changes if not move.episode]
        if loose:
            parts.append(_indented(_moves(loose, signs)))
        for episode in circuit.episodes:
            parts += [Text(), _indented(_episode(incident, episode, signs))]
    return Group(*parts)


def answers(incident: Incident, number: int | None = None) -> RenderableType:
    """The questions of docs/oncall.md, the first so many or all, answered."""
    parts: list[RenderableType] = []
    for question in QUESTIONS[:number]:
        parts.append(Text(question.text, "bold"))
        parts += [_indented(Text(line.strip()), 4 if line.startswith(" ") else 2) for line in question.answer(incident)]
    return Group(*parts)


def _indented(content: RenderableType, columns: int = 2) -> Padding:
    return Padding(content, (0, 0, 0, columns), expand=False)


def _legend(incident: Incident, signs: Symbols) -> str:
    legend = [f"{signs.states[state]} {name}" for state, name in wording.STATE_NAMES.items()]
    if any(episode.is_shadow for _, episode in incident.episodes):
        legend.append(f"{signs.shadow} any of these in shadow mode: no call is refused")
    return "  ".join(legend)


def _heading(circuit: CircuitTimeline) -> Text:
    return Text.assemble(
        (descriptions.circuit_heading(circuit), "bold"),
        f" of {wording.service_name(circuit.identity.service_instance)}, in the end ",
        (
            wording.STATE_NAMES.get(circuit.state, circuit.state),
            "" if circuit.is_shadow else STYLES.get(circuit.state, ""),
        ),
    )


def _bar(lane: Lane, start: int, end: int, signs: Symbols) -> Text:
    """A lane in a few cells; each shows the most urgent state of its time."""
    ranks = {state: rank for rank, state in enumerate(_URGENT, 1)}
    cells = [(UNKNOWN_STATE, False)] * _CELLS
    for stretch in lane.intervals:
        first, last = ((time - start) * _CELLS / max(1, end - start) for time in (stretch.start, stretch.end))
        for cell in range(int(first), min(_CELLS, max(int(last), int(first) + 1))):
            if ranks.get(stretch.state, 0) >= ranks.get(cells[cell][0], 0):
                cells[cell] = stretch.state, stretch.is_shadow
    drawn = (
        (signs.shadow, "") if shadow else (signs.states.get(state, " "), STYLES.get(state, ""))
        for state, shadow in cells
    )
    return Text.assemble(signs.left, *drawn, signs.right)


def _episode(incident: Incident, episode: IncidentEpisode, signs: Symbols) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in descriptions.episode_details(incident, episode):
        table.add_row(name, Text(text))
    heading = f"Episode {episode.id}{', in shadow mode' if episode.is_shadow else ''}"
    return Group(Text(heading, "underline"), table, _moves(episode.state_changes, signs))


def _moves(moves: Sequence[RecordedStateChange], signs: Symbols) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for move, gap in descriptions.elide_middle(moves, _HEAD, _TAIL):
        if gap:
            table.add_row(signs.gap, f"{gap:,} more", "")
        else:
            table.add_row(wording.time_of_day(move.time), _change(move, signs), Text(descriptions.change_cause(move)))
    return table


def _change(move: RecordedStateChange, signs: Symbols) -> Text:
    before, after = (wording.STATE_NAMES.get(state, state) for state in (move.from_state, move.to_state))
    return Text.assemble(
        f"{before} {signs.arrow} ", (after, "" if move.mode == SHADOW else STYLES.get(move.to_state, ""))
    )
