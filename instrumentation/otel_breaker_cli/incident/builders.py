"""Circuits and episodes while files are read, and the frozen records that they become in the end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from otel_breaker.core.counters import PROBE_TIMEOUT
from otel_breaker.core.states import Reason
from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedProbe, RecordedRefusals, RecordedStateChange
from otel_breaker_cli.incident.model import CircuitTimeline

if TYPE_CHECKING:
    from otel_breaker_cli.incident.episode import RecordedCall, SpanIds
    from otel_breaker_cli.incident.model import CircuitIdentity

_MAX_REFUSALS: Final = 3
_MAX_PROBES: Final = 20
"""Kept from the beginning of an episode, and as many from its end."""
_PROBE_OUTCOMES: Final = {
    Reason.PROBE_SUCCEEDED.value: "success",
    Reason.PROBE_FAILED.value: "failure",
    Reason.PROBE_TIMEOUT.value: PROBE_TIMEOUT,
}


@dataclass
class RefusalsBuilder:
    """Refused calls so far."""

    reasons: Counter[str] = field(default_factory=Counter)
    samples: list[RecordedCall] = field(default_factory=list)
    first: int = 0
    last: int = 0

    def add(self, call: RecordedCall) -> bool:
        """Count a refused call; returns whether it is one of the few that are kept."""
        self.reasons[call.rejection_reason] += 1
        self.first, self.last = min(self.first or call.start, call.start), max(self.last, call.start)
        is_kept = len(self.samples) < _MAX_REFUSALS
        if is_kept:
            self.samples.append(call)
        return is_kept

    def build(self) -> RecordedRefusals:
        return RecordedRefusals(dict(self.reasons), tuple(self.samples), self.first, self.last)


@dataclass
class EpisodeBuilder:
    """An episode so far."""

    first_seen: int
    last_seen: int
    mode: str = ""
    refusals: RefusalsBuilder = field(default_factory=RefusalsBuilder)
    shadow_outcomes: Counter[str] = field(default_factory=Counter)
    probe_outcomes: Counter[str] = field(default_factory=Counter)
    first_probes: list[RecordedProbe] = field(default_factory=list)
    last_probes: deque[RecordedProbe] = field(default_factory=lambda: deque(maxlen=_MAX_PROBES))
    state_changing_probes: set[SpanIds] = field(default_factory=set)
    first_linked: RecordedCall | None = None
    """The first refused call or probe that links to the call that opened the circuit."""

    def add_link(self, call: RecordedCall) -> None:
        if self.first_linked is None or call.start < self.first_linked.start:
            self.first_linked = call

    def add_probe(self, probe: RecordedProbe) -> None:
        self.probe_outcomes[probe.outcome] += 1
        if len(self.first_probes) < _MAX_PROBES:
            self.first_probes.append(probe)
        else:
            self.last_probes.append(probe)

    def build(self, name: str, changes: tuple[RecordedStateChange, ...]) -> IncidentEpisode:
        """The episode; a probe without a span is made from the state change that it caused."""
        untraced = [
            RecordedProbe(change.time, _PROBE_OUTCOMES[change.reason], trace_id=change.trace_id, span_id=change.span_id)
            for change in changes
            if change.reason in _PROBE_OUTCOMES and not self._has_probe_span(change)
        ]
        probes = sorted(chain(self.first_probes, self.last_probes, untraced), key=lambda probe: probe.time)
        is_shortened = len(probes) > 2 * _MAX_PROBES
        return IncidentEpisode(
            id=name,
            mode=self.mode,
            state_changes=changes,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            refusals=self.refusals.build(),
            shadow_outcomes=dict(self.shadow_outcomes),
            probes=tuple([*probes[:_MAX_PROBES], *probes[-_MAX_PROBES:]] if is_shortened else probes),
            probe_outcomes=dict(self.probe_outcomes + Counter(probe.outcome for probe in untraced)),
            linked_cause=self.first_linked.linked_span if self.first_linked else None,
        )

    def _has_probe_span(self, change: RecordedStateChange) -> bool:
        """Whether the probe that caused a state change is counted by its span; one that timed out has no span."""
        is_timeout = change.reason == Reason.PROBE_TIMEOUT.value
        return (change.trace_id, change.span_id) in self.state_changing_probes and not is_timeout


@dataclass
class CircuitBuilder:
    """A circuit so far."""

    episodes: dict[str, EpisodeBuilder] = field(default_factory=dict)
    state_changes: dict[tuple[object, ...], RecordedStateChange] = field(default_factory=dict)
    limit_refusals: RefusalsBuilder = field(default_factory=RefusalsBuilder)
    """Calls that the limit of calls in flight refused outside of episodes."""

    def episode(self, name: str, time: int) -> EpisodeBuilder:
        """The episode of this name, which lasts at least until this time."""
        episode = self.episodes.setdefault(name, EpisodeBuilder(time, time))
        episode.first_seen = min(episode.first_seen, time)
        episode.last_seen = max(episode.last_seen, time)
        return episode

    def add_state_change(self, change: RecordedStateChange) -> None:
        """Keep a state change; of two records of it, the log event's time and message and the span's call count."""
        cause = (change.trace_id, change.span_id) if change.span_id else (change.episode, change.time)
        key: tuple[object, ...] = (*cause, change.from_state, change.to_state)
        known = self.state_changes.get(key)
        if known is not None:
            log, span = (change, known) if change.message else (known, change)
            change = replace(
                log,
                reason=log.reason or span.reason,
                evidence={**span.evidence, **log.evidence},
                call=log.call or span.call,
                hanging_call=log.hanging_call or span.hanging_call,
            )
        self.state_changes[key] = change

    def build(self, identity: CircuitIdentity) -> CircuitTimeline:
        changes = sorted(self.state_changes.values(), key=lambda change: change.time)
        episodes = [
            episode.build(name, tuple(change for change in changes if change.episode == name))
            for name, episode in self.episodes.items()
        ]
        return CircuitTimeline(
            identity,
            tuple(sorted(episodes, key=lambda episode: episode.start)),
            tuple(changes),
            self.limit_refusals.build(),
        )
