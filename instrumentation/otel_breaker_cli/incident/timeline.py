"""The states of circuits as stretches of time, for whoever draws them.

Processes that do not tell themselves apart (most SDKs give no instance id unasked) share a circuit's identity: where
its episodes overlap, it gets one lane for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker_cli.incident.episode import CLOSED, OPEN, REFUSING, SHADOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident

UNKNOWN_STATE: Final = ""
"""The state of a circuit while nothing in the files tells of it."""
_MARGIN: Final = 0.06


@dataclass(frozen=True)
class StateInterval:
    """A circuit in one state, from one time to another."""

    start: int
    end: int
    state: str
    is_shadow: bool = False
    """Whether calls passed that the state refuses."""


@dataclass(frozen=True)
class _Boundary:
    """A time at which the state became another."""

    time: int
    from_state: str
    to_state: str
    mode: str


@dataclass(frozen=True)
class Lane:
    intervals: tuple[StateInterval, ...]
    episodes: tuple[IncidentEpisode, ...]


def visible_range(incident: Incident) -> tuple[int, int]:
    """From when to when to draw: all episodes and moves, with a margin as far as the files reach."""
    first, last = incident.extent
    margin = round((last - first) * _MARGIN) or 1
    return max(incident.start, first - margin), min(incident.end, last + margin)


def lanes(circuit: CircuitTimeline, start: int, end: int) -> list[Lane]:
    """The lanes of one circuit between two times: one, unless episodes of several processes overlap."""
    tracks: list[list[IncidentEpisode]] = []
    for episode in circuit.episodes:
        free = (track for track in tracks if track[-1].last_seen <= episode.start)
        track = next(free, None)
        if track is None:
            tracks.append(track := [])
        track.append(episode)
    loose = [
        _Boundary(move.time, move.from_state, move.to_state, move.mode)
        for move in circuit.state_changes
        if not move.episode
    ]
    found = []
    for number, track in enumerate(tracks or [[]]):
        marks = sorted([*(loose if number == 0 else ()), *_marks(track)], key=lambda mark: mark.time)
        found.append(Lane(tuple(_stretches(marks, start, end)), tuple(track)))
    return found


def _marks(track: list[IncidentEpisode]) -> Iterator[_Boundary]:
    for number, episode in enumerate(track):
        moves, mode = episode.state_changes, episode.mode
        if episode.opening is None:
            yield _Boundary(episode.first_seen, UNKNOWN_STATE, moves[0].from_state if moves else OPEN, mode)
        yield from (_Boundary(move.time, move.from_state, move.to_state, mode) for move in moves)
        if episode.closing is None and number + 1 < len(track):
            yield _Boundary(episode.last_seen, moves[-1].to_state if moves else OPEN, UNKNOWN_STATE, mode)


def _stretches(marks: list[_Boundary], start: int, end: int) -> Iterator[StateInterval]:
    state, mode = (marks[0].from_state, marks[0].mode) if marks else (CLOSED, "")
    since = start
    for mark in marks:
        if mark.time > since:
            yield _stretch(since, mark.time, state, mode)
        state, mode, since = mark.to_state, mark.mode, max(mark.time, since)
    if end >= since:  # a move at the very end is drawn, too
        yield _stretch(since, end, state, mode)


def _stretch(start: int, end: int, state: str, mode: str) -> StateInterval:
    return StateInterval(start, end, state, is_shadow=mode == SHADOW and state in REFUSING)
