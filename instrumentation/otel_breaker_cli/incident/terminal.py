"""The incident in the terminal, within eighty columns, and as text without colours for a pipe."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_breaker.core.states import CircuitState
from otel_breaker.settings import Mode
from otel_breaker_cli.incident import descriptions, wording
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
_NO_WRAP_WIDTH: Final = 2**20
"""Columns: no line is as long, since all text of telemetry is bounded."""
_PRIORITY: Final = (CircuitState.HALF_OPEN.value, CircuitState.OPEN.value, CircuitState.FORCED_OPEN.value)
"""The states that a cell shows before any other of its time, in ascending order."""
_HEAD, _TAIL = 8, 6
"""How many of very many state changes are shown."""


def without_colours(content: RenderableType) -> str:
    """Content for a pipe: no colours, no line wrapped, and no space at the end of a line."""
    output = io.StringIO()
    Console(file=output, width=_NO_WRAP_WIDTH, color_system=None, force_terminal=False).print(content)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def report(incident: Incident, symbols: Symbols = BLOCKS) -> RenderableType:
    """The whole incident, circuit by circuit."""
    summary = descriptions.summary(incident)
    if not incident.circuits:
        return Text(summary)
    start, end = visible_range(incident)
    parts: list[RenderableType] = [Text(summary, "bold"), Text(_legend(incident, symbols), "dim")]
    for circuit in incident.circuits:
        parts += [Text(), _heading(circuit)]
        parts += [_indented(_bar(lane, start, end, symbols)) for lane in lanes(circuit, start, end)]
        outside_episodes = [change for change in circuit.state_changes if not change.episode]
        if outside_episodes:
            parts.append(_indented(_state_changes(outside_episodes, symbols)))
        if circuit.limit_refusals.spans:
            parts.append(_indented(Text(descriptions.limit_refusals(circuit))))
        for episode in circuit.episodes:
            parts += [Text(), _indented(_episode(incident, episode, symbols))]
    return Group(*parts)


def answers(incident: Incident, number: int | None = None) -> RenderableType:
    """The questions of docs/oncall.md, answered.

    Args:
        incident: what happened.
        number: how many questions, from the first one on; all of them when None.
    """
    parts: list[RenderableType] = []
    for question in QUESTIONS[:number]:
        parts.append(Text(question.text, "bold"))
        parts += [_indented(Text(line.strip()), 4 if line.startswith(" ") else 2) for line in question.answer(incident)]
    return Group(*parts)


def _indented(content: RenderableType, columns: int = 2) -> Padding:
    return Padding(content, (0, 0, 0, columns), expand=False)


def _legend(incident: Incident, symbols: Symbols) -> str:
    legend = [f"{symbols.states[state]} {name}" for state, name in wording.STATE_NAMES.items()]
    if any(episode.is_shadow for _, episode in incident.episodes):
        legend.append(f"{symbols.shadow} any of these in shadow mode: no call is refused")
    return "  ".join(legend)


def _heading(circuit: CircuitTimeline) -> Text:
    instance = wording.instance_name(circuit.identity.service_instance)
    state = wording.STATE_NAMES.get(circuit.state, circuit.state)
    style = "" if circuit.is_shadow else STYLES.get(circuit.state, "")
    return Text.assemble(
        (descriptions.circuit_heading(circuit), "bold"), f" of {instance}, in the end ", (state, style)
    )


def _bar(lane: Lane, start: int, end: int, symbols: Symbols) -> Text:
    """A lane as cells, each of which shows the state of its time that ranks highest."""
    ranks = {state: rank for rank, state in enumerate(_PRIORITY, 1)}
    cells = [(UNKNOWN_STATE, False)] * _CELLS
    for interval in lane.intervals:
        first, last = ((time - start) * _CELLS / max(1, end - start) for time in (interval.start, interval.end))
        for cell in range(int(first), min(_CELLS, max(int(last), int(first) + 1))):
            if ranks.get(interval.state, 0) >= ranks.get(cells[cell][0], 0):
                cells[cell] = interval.state, interval.is_shadow
    drawn = (
        (symbols.shadow, "") if is_shadow else (symbols.states.get(state, " "), STYLES.get(state, ""))
        for state, is_shadow in cells
    )
    return Text.assemble(symbols.left, *drawn, symbols.right)


def _episode(incident: Incident, episode: IncidentEpisode, symbols: Symbols) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in descriptions.episode_details(incident, episode):
        table.add_row(name, Text(text))
    heading = f"Episode {episode.id}{', in shadow mode' if episode.is_shadow else ''}"
    return Group(Text(heading, "underline"), table, _state_changes(episode.state_changes, symbols))


def _state_changes(changes: Sequence[RecordedStateChange], symbols: Symbols) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for change, omitted in descriptions.elide_middle(changes, _HEAD, _TAIL):
        if omitted:
            table.add_row(symbols.gap, f"{omitted:,} more", "")
        else:
            cause = Text(descriptions.change_cause(change))
            table.add_row(wording.time_of_day(change.time), _from_to(change, symbols), cause)
    return table


def _from_to(change: RecordedStateChange, symbols: Symbols) -> Text:
    before, after = (wording.STATE_NAMES.get(state, state) for state in (change.from_state, change.to_state))
    style = "" if change.mode == Mode.SHADOW.value else STYLES.get(change.to_state, "")
    return Text.assemble(f"{before} {symbols.arrow} ", (after, style))
