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
    refusal_spans: int = 0
    sample_refusals: list[RecordedCall] = field(default_factory=list)
    shadow_outcomes: Counter[str] = field(default_factory=Counter)
    probe_outcomes: Counter[str] = field(default_factory=Counter)
    first_probes: list[RecordedProbe] = field(default_factory=list)
    last_probes: deque[RecordedProbe] = field(default_factory=lambda: deque(maxlen=_PROBES))
    state_changing_probes: set[tuple[str, str]] = field(default_factory=set)
    first_linked: RecordedCall | None = None
    """The first refused call or probe that says what opened the circuit."""

    def add_refusal(self, call: RecordedCall) -> bool:
        """Count a refused call; says whether it is one of those that are kept."""
        self.refusal_spans += 1
        kept = len(self.sample_refusals) < _REFUSALS
        if kept:
            self.sample_refusals.append(call)
        return kept

    def add_link(self, call: RecordedCall) -> None:
        if self.first_linked is None or call.start < self.first_linked.start:
            self.first_linked = call

    def add_probe(self, probe: RecordedProbe) -> None:
        self.probe_outcomes[probe.outcome] += 1
        if len(self.first_probes) < _PROBES:
            self.first_probes.append(probe)
        else:
            self.last_probes.append(probe)

    def build(self, name: str, moves: tuple[RecordedStateChange, ...]) -> IncidentEpisode:
        """What is known now, with the probes that only a move tells of."""
        untraced = [
            RecordedProbe(move.time, _PROBED[move.reason], trace_id=move.trace_id, span_id=move.span_id)
            for move in moves
            if move.reason in _PROBED and not self._has_probe_span(move)
        ]
        probes = sorted(chain(self.first_probes, self.last_probes, untraced), key=lambda probe: probe.time)
        return IncidentEpisode(
            id=name,
            mode=self.mode,
            state_changes=moves,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            refusal_spans=self.refusal_spans,
            sample_refusals=tuple(self.sample_refusals),
            shadow_outcomes=dict(self.shadow_outcomes),
            probes=tuple(probes if len(probes) <= 2 * _PROBES else [*probes[:_PROBES], *probes[-_PROBES:]]),
            probe_outcomes=dict(self.probe_outcomes + Counter(probe.outcome for probe in untraced)),
            linked_cause=self.first_linked.linked_span if self.first_linked else None,
        )

    def _has_probe_span(self, move: RecordedStateChange) -> bool:
        """Whether the span of the probe that caused a move was counted; of one that was lost there is none."""
        return (move.trace_id, move.span_id) in self.state_changing_probes and move.reason != Reason.PROBE_TIMEOUT.value


@dataclass
class CircuitBuilder:
    """What is known of a circuit so far."""

    episodes: dict[str, EpisodeBuilder] = field(default_factory=dict)
    state_changes: dict[tuple[object, ...], RecordedStateChange] = field(default_factory=dict)

    def episode(self, episode: str, time: int) -> EpisodeBuilder:
        draft = self.episodes.setdefault(episode, EpisodeBuilder(time, time))
        draft.first_seen = min(draft.first_seen, time)
        draft.last_seen = max(draft.last_seen, time)
        return draft

    def add_state_change(self, move: RecordedStateChange) -> None:
        """Keep a move; of two tellings the log event's time and words count, and the span's call."""
        cause: tuple[object, ...] = (move.trace_id, move.span_id) if move.span_id else (move.episode, move.time)
        known = self.state_changes.get(key := (*cause, move.from_state, move.to_state))
        if known is not None:
            log, span = (move, known) if move.message else (known, move)
            move = replace(
                log,
                reason=log.reason or span.reason,
                evidence={**span.evidence, **log.evidence},
                call=log.call or span.call,
                hanging_call=log.hanging_call or span.hanging_call,
            )
        self.state_changes[key] = move

    def build(self, identity: CircuitIdentity) -> CircuitTimeline:
        """What is known now."""
        moves = sorted(self.state_changes.values(), key=lambda move: move.time)
        episodes = [
            draft.build(name, tuple(move for move in moves if move.episode == name))
            for name, draft in self.episodes.items()
        ]
        return CircuitTimeline(identity, tuple(sorted(episodes, key=lambda episode: episode.start)), tuple(moves))
