"""The states of circuits as stretches of time, for whoever draws them.

Processes that do not tell themselves apart (most SDKs give no instance id unasked) share a circuit's identity: where
its episodes overlap, it gets one lane for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker_instrumentation.cli.incident.episode import CLOSED, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker_instrumentation.cli.incident.episode import Episode
    from otel_breaker_instrumentation.cli.incident.model import Circuit, Incident

UNKNOWN: Final = ""
"""The state of a circuit while nothing in the files tells of it."""
_MARGIN: Final = 0.06


@dataclass(frozen=True)
class Stretch:
    """A circuit in one state, from one time to another."""

    start: int
    end: int
    state: str


@dataclass(frozen=True)
class Lane:
    stretches: tuple[Stretch, ...]
    episodes: tuple[Episode, ...]


def window(incident: Incident) -> tuple[int, int]:
    """From when to when to draw: all episodes and moves, with a margin as far as the files reach."""
    first, last = incident.extent
    margin = round((last - first) * _MARGIN) or 1
    return max(incident.start, first - margin), min(incident.end, last + margin)


def lanes(circuit: Circuit, start: int, end: int) -> list[Lane]:
    """The lanes of one circuit between two times: one, unless episodes of several processes overlap."""
    tracks: list[list[Episode]] = []
    for episode in circuit.episodes:
        free = (track for track in tracks if track[-1].last_seen <= episode.start)
        track = next(free, None)
        if track is None:
            tracks.append(track := [])
        track.append(episode)
    loose = [(move.time, move.before, move.after) for move in circuit.moves if not move.episode]
    found = []
    for number, track in enumerate(tracks or [[]]):
        marks = sorted([*(loose if number == 0 else ()), *_marks(track)], key=lambda mark: mark[0])
        found.append(Lane(tuple(_stretches(marks, start, end)), tuple(track)))
    return found


def _marks(track: list[Episode]) -> Iterator[tuple[int, str, str]]:
    """Each time at which the state became another, and what it was until then."""
    for number, episode in enumerate(track):
        if episode.opening is None:
            yield episode.first_seen, UNKNOWN, episode.moves[0].before if episode.moves else OPEN
        yield from ((move.time, move.before, move.after) for move in episode.moves)
        if episode.closing is None and number + 1 < len(track):
            yield episode.last_seen, episode.moves[-1].after if episode.moves else OPEN, UNKNOWN


def _stretches(marks: list[tuple[int, str, str]], start: int, end: int) -> Iterator[Stretch]:
    state = marks[0][1] if marks else CLOSED
    since = start
    for time, _, after in marks:
        if time > since:
            yield Stretch(since, time, state)
        state, since = after, max(time, since)
    if end >= since:  # a move at the very end is drawn, too
        yield Stretch(since, end, state)
