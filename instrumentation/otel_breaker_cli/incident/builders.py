"""What is known of circuits and episodes while files are read, and how that becomes plain records in the end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import Reason
from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedProbe, RecordedStateChange
from otel_breaker_cli.incident.model import CircuitTimeline

if TYPE_CHECKING:
    from otel_breaker_cli.incident.episode import RecordedCall
    from otel_breaker_cli.incident.model import CircuitIdentity

_REFUSALS: Final = 3
_PROBES: Final = 20
"""Kept from the beginning of an episode, and as many from its end."""
_PROBED: Final = {
    Reason.PROBE_SUCCEEDED.value: "success",
    Reason.PROBE_FAILED.value: "failure",
    Reason.PROBE_TIMEOUT.value: "timeout",
}


@dataclass
class EpisodeBuilder:
    """What is known of an episode so far."""

    first_seen: int
    last_seen: int
    mode: str = ""
    refused_seen: int = 0
    refused: list[RecordedCall] = field(default_factory=list)
    shadowed: Counter[str] = field(default_factory=Counter)
    probed: Counter[str] = field(default_factory=Counter)
    first_probes: list[RecordedProbe] = field(default_factory=list)
    last_probes: deque[RecordedProbe] = field(default_factory=lambda: deque(maxlen=_PROBES))
    probe_movers: set[tuple[str, str]] = field(default_factory=set)
    first_linked: RecordedCall | None = None
    """The first refused call or probe that says what opened the circuit."""

    def refuse(self, call: RecordedCall) -> bool:
        """Count a refused call; says whether it is one of those that are kept."""
        self.refused_seen += 1
        kept = len(self.refused) < _REFUSALS
        if kept:
            self.refused.append(call)
        return kept

    def link(self, call: RecordedCall) -> None:
        if self.first_linked is None or call.start < self.first_linked.start:
            self.first_linked = call

    def probe(self, probe: RecordedProbe) -> None:
        self.probed[probe.outcome] += 1
        if len(self.first_probes) < _PROBES:
            self.first_probes.append(probe)
        else:
            self.last_probes.append(probe)

    def episode(self, name: str, moves: tuple[RecordedStateChange, ...]) -> IncidentEpisode:
        """What is known now, with the probes that only a move tells of."""
        untraced = [
            RecordedProbe(move.time, _PROBED[move.reason], trace_id=move.trace_id, span_id=move.span_id)
            for move in moves
            if move.reason in _PROBED and not self._is_told(move)
        ]
        probes = sorted(chain(self.first_probes, self.last_probes, untraced), key=lambda probe: probe.time)
        return IncidentEpisode(
            id=name,
            mode=self.mode,
            moves=moves,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            refused_seen=self.refused_seen,
            refused=tuple(self.refused),
            shadowed=dict(self.shadowed),
            probes=tuple(probes if len(probes) <= 2 * _PROBES else [*probes[:_PROBES], *probes[-_PROBES:]]),
            probe_outcomes=dict(self.probed + Counter(probe.outcome for probe in untraced)),
            cause=self.first_linked.link if self.first_linked else None,
        )

    def _is_told(self, move: RecordedStateChange) -> bool:
        """Whether the span of the probe that caused a move was counted; of one that was lost there is none."""
        return (move.trace_id, move.span_id) in self.probe_movers and move.reason != Reason.PROBE_TIMEOUT.value


@dataclass
class CircuitBuilder:
    """What is known of a circuit so far."""

    drafts: dict[str, EpisodeBuilder] = field(default_factory=dict)
    moves: dict[tuple[object, ...], RecordedStateChange] = field(default_factory=dict)

    def draft(self, episode: str, time: int) -> EpisodeBuilder:
        draft = self.drafts.setdefault(episode, EpisodeBuilder(time, time))
        draft.first_seen = min(draft.first_seen, time)
        draft.last_seen = max(draft.last_seen, time)
        return draft

    def move(self, move: RecordedStateChange) -> None:
        """Keep a move; of two tellings the log event's time and words count, and the span's call."""
        cause: tuple[object, ...] = (move.trace_id, move.span_id) if move.span_id else (move.episode, move.time)
        known = self.moves.get(key := (*cause, move.before, move.after))
        if known is not None:
            log, span = (move, known) if move.sentence else (known, move)
            move = replace(
                log,
                reason=log.reason or span.reason,
                evidence={**span.evidence, **log.evidence},
                call=log.call or span.call,
                culprit=log.culprit or span.culprit,
            )
        self.moves[key] = move

    def circuit(self, identity: CircuitIdentity) -> CircuitTimeline:
        """What is known now."""
        moves = sorted(self.moves.values(), key=lambda move: move.time)
        episodes = [
            draft.episode(name, tuple(move for move in moves if move.episode == name))
            for name, draft in self.drafts.items()
        ]
        return CircuitTimeline(identity, tuple(sorted(episodes, key=lambda episode: episode.start)), tuple(moves))
