"""The states of circuits as intervals of time, for the views that draw them.

Processes without an instance id (most SDKs set none by default) share a circuit's identity: where its episodes overlap,
it has one lane for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CircuitState
from otel_breaker.settings import Mode
from otel_breaker_cli.incident.episode import EPISODE_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident

UNKNOWN_STATE: Final = ""
"""The state of a circuit while no record shows it."""
_OPEN: Final = CircuitState.OPEN.value
_MARGIN: Final = 0.06
"""Before the first episode and after the last one, as a share of the time between."""


@dataclass(frozen=True)
class StateInterval:
    """A circuit in one state, from one time to another."""

    start: int
    end: int
    state: str
    is_shadow: bool = False
    """Whether calls were admitted that the state refuses."""


@dataclass(frozen=True)
class _Boundary:
    """A time between two intervals."""

    time: int
    from_state: str
    to_state: str
    mode: str


@dataclass(frozen=True)
class Lane:
    """Intervals and episodes that do not overlap."""

    intervals: tuple[StateInterval, ...]
    episodes: tuple[IncidentEpisode, ...]


def visible_range(incident: Incident) -> tuple[int, int]:
    """The times between which to draw: all episodes and state changes, with a margin as far as the files reach."""
    first, last = incident.extent
    margin = round((last - first) * _MARGIN) or 1
    return max(incident.start, first - margin), min(incident.end, last + margin)


def lanes(circuit: CircuitTimeline, start: int, end: int) -> list[Lane]:
    """The lanes of one circuit between two times: one, unless episodes of several processes overlap."""
    groups = _without_overlap(circuit.episodes) or [[]]
    outside_episodes = [
        _Boundary(change.time, change.from_state, change.to_state, change.mode)
        for change in circuit.state_changes
        if not change.episode
    ]
    result = []
    for number, episodes in enumerate(groups):
        boundaries = [*(outside_episodes if number == 0 else ()), *_boundaries(episodes)]
        intervals = _intervals(sorted(boundaries, key=lambda boundary: boundary.time), start, end)
        result.append(Lane(tuple(intervals), tuple(episodes)))
    return result


def _without_overlap(episodes: tuple[IncidentEpisode, ...]) -> list[list[IncidentEpisode]]:
    groups: list[list[IncidentEpisode]] = []
    for episode in episodes:
        group = next((group for group in groups if group[-1].last_seen <= episode.start), None)
        if group is None:
            groups.append(group := [])
        group.append(episode)
    return groups


def _boundaries(episodes: list[IncidentEpisode]) -> Iterator[_Boundary]:
    for number, episode in enumerate(episodes, start=1):
        changes, mode = episode.state_changes, episode.mode
        if episode.opening is None:
            yield _Boundary(episode.first_seen, UNKNOWN_STATE, changes[0].from_state if changes else _OPEN, mode)
        yield from (_Boundary(change.time, change.from_state, change.to_state, mode) for change in changes)
        if episode.closing is None and number < len(episodes):
            yield _Boundary(episode.last_seen, changes[-1].to_state if changes else _OPEN, UNKNOWN_STATE, mode)


def _intervals(boundaries: list[_Boundary], start: int, end: int) -> Iterator[StateInterval]:
    state, mode = CircuitState.CLOSED.value, ""
    if boundaries:
        state, mode = boundaries[0].from_state, boundaries[0].mode
    since = start
    for boundary in boundaries:
        if boundary.time > since:
            yield _interval(since, boundary.time, state, mode)
        state, mode, since = boundary.to_state, boundary.mode, max(boundary.time, since)
    if end >= since:  # also an empty one: a state change at the very end is drawn, too
        yield _interval(since, end, state, mode)


def _interval(start: int, end: int, state: str, mode: str) -> StateInterval:
    return StateInterval(start, end, state, is_shadow=mode == Mode.SHADOW.value and state in EPISODE_STATES)
