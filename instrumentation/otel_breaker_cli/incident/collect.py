"""From a stream of records to an `Incident`: keeps circuits, episodes and moves, and counts spans without keeping them.

A move is told twice, by an event of the span that caused it and by a log event; either is enough, and both are one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import Outcome
from otel_breaker.telemetry import names
from otel_breaker_cli.incident.builders import CircuitBuilder
from otel_breaker_cli.incident.episode import CLOSED, HALF_OPEN, RecordedCall, RecordedProbe, RecordedStateChange
from otel_breaker_cli.incident.metric_series import SeriesAggregator
from otel_breaker_cli.incident.model import CircuitIdentity, Incident, ServiceInstance
from otel_breaker_cli.incident.request_names import RequestNames
from otel_breaker_cli.incident.wording import safe_text
from otel_breaker_cli.otlp import LogRecord, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_breaker_cli.incident.builders import EpisodeBuilder
    from otel_breaker_cli.incident.model import CircuitTimeline
    from otel_breaker_cli.otlp import Attributes, DataPoint, TelemetryRecord, TelemetrySource


_FIGURES: Final = {
    names.CONSECUTIVE_FAILURES,
    names.WINDOW_CALLS,
    names.WINDOW_FAILURES,
    names.WINDOW_SLOW_CALLS,
    names.THRESHOLD,
    names.OPEN_PLANNED_DURATION,
    names.OPEN_DURATION,
    names.OPEN_REJECTED_CALLS,
    names.OPEN_PROBES,
}


class IncidentBuilder:
    """Takes records, in any order, and makes an incident of them."""

    def __init__(self) -> None:
        self._circuits: dict[CircuitIdentity, CircuitBuilder] = {}
        self._series = SeriesAggregator()
        self._start = self._end = 0
        self.request_names = RequestNames()

    def add(self, record: TelemetryRecord) -> None:
        if isinstance(record, Span):
            self.request_names.add(record)
            if names.NAME in record.attributes:
                self._add_span(record)
        elif isinstance(record, LogRecord):
            if record.event_name == names.EVENT_STATE_CHANGE and names.NAME in record.attributes:
                self._add_event(record)
        else:
            self._add_point(record)

    def _add_point(self, point: DataPoint) -> None:
        if point.metric.startswith("circuit_breaker."):
            self._series.add(point, place(point.source))

    def _add_event(self, log: LogRecord) -> None:
        traced = self._circuit_of(log.source, log.attributes)
        self._add_state_change(
            traced, _move(log.attributes, log.time, log.trace_id, log.span_id, sentence=safe_text(log.body))
        )

    def _add_span(self, span: Span) -> None:
        said = span.attributes
        traced = self._circuit_of(span.source, said)
        call = _call(span)
        self._extend_range(span.start, span.end)
        told = [event for event in span.events if event.name == names.EVENT_STATE_CHANGE]
        for event in told:
            move = _move(event.attributes, event.time, span.trace_id, span.span_id, call=call)
            links = [(link.trace_id, link.span_id) for link in span.links]
            self._add_state_change(
                traced, replace(move, hanging_call=links[-1] if links and move.from_state == CLOSED else None)
            )
        moved_to = safe_text(said.get(names.STATE_CHANGE_TO, ""))
        if not told and moved_to and moved_to != call.state:
            known = {names.STATE_CHANGE_FROM: call.state, names.STATE_CHANGE_TO: moved_to}
            move = _move({**said, **known}, span.end, span.trace_id, span.span_id, call=call)
            self._add_state_change(traced, replace(move, evidence={}))
        if names.EPISODE in said:
            self._add_call(traced.episode(safe_text(said[names.EPISODE]), span.start), span, call, moved=bool(moved_to))

    def _add_call(self, draft: EpisodeBuilder, span: Span, call: RecordedCall, *, moved: bool) -> None:
        said = span.attributes
        draft.last_seen = max(draft.last_seen, span.end)
        draft.mode = draft.mode or safe_text(said.get(names.MODE, ""))
        if call.linked_span and said.get(names.LINK) == "opening":
            draft.add_link(call)
        if said.get(names.SHADOW_REJECTED):
            draft.shadow_outcomes[call.outcome] += 1
        elif call.outcome == Outcome.REJECTED.value:
            if draft.add_refusal(call):
                self.request_names.track(call.trace_id)
        elif call.state == HALF_OPEN:
            draft.add_probe(
                RecordedProbe(call.start, call.outcome, call.error_type, call.seconds, call.trace_id, call.span_id)
            )
            if moved:
                draft.state_changing_probes.add((call.trace_id, call.span_id))

    def _add_state_change(self, traced: CircuitBuilder, move: RecordedStateChange) -> None:
        self._extend_range(move.time, move.time)
        self.request_names.track(move.trace_id)
        if move.hanging_call is not None:
            self.request_names.track(move.hanging_call[0])
        if move.episode:
            draft = traced.episode(move.episode, move.time)
            draft.mode = draft.mode or move.mode
        traced.add_state_change(move)

    def _circuit_of(self, origin: TelemetrySource, said: Attributes) -> CircuitBuilder:
        identity = CircuitIdentity(safe_text(said[names.NAME]), safe_text(said.get(names.KEY, "")), place(origin))
        return self._circuits.setdefault(identity, CircuitBuilder())

    def _extend_range(self, start: int, end: int) -> None:
        self._start = min(self._start or start, start)
        self._end = max(self._end, end)

    def build(self) -> Incident:
        """What is known now."""
        circuits = [
            traced.build(identity)
            for identity, traced in self._circuits.items()
            if traced.state_changes or traced.episodes
        ]
        return Incident(
            circuits=tuple(sorted(circuits, key=_first)),
            unchanged_circuits=len(self._circuits) - len(circuits),
            start=self._start,
            end=self._end,
            request_names=self.request_names.by_trace,
            metric_series=self._series.result(),
        )


def collect(records: Iterable[TelemetryRecord]) -> Incident:
    """Read everything, and once more if a request that matters may have gone by before anybody knew that it does.

    Args:
        records: what begins anew each time that it is iterated over.
    """
    collector = IncidentBuilder()
    for record in records:
        collector.add(record)
    if collector.request_names.is_incomplete:
        for record in records:
            if isinstance(record, Span):
                collector.request_names.add(record)
    return collector.build()


def place(origin: TelemetrySource) -> ServiceInstance:
    """Where a record comes from, by what a process says of itself; most SDKs give it no instance id unasked."""
    said = origin.resource
    host = said.get("k8s.pod.name") or said.get("host.name")
    parts = [host, said.get("process.pid")]
    instance = said.get("service.instance.id") or " ".join(str(part) for part in parts if part is not None)
    return ServiceInstance(safe_text(said.get("service.name", "")), safe_text(instance))


def _first(circuit: CircuitTimeline) -> tuple[int, CircuitIdentity]:
    times: Iterator[int] = chain(
        (episode.start for episode in circuit.episodes), (move.time for move in circuit.state_changes)
    )
    return min(times), circuit.identity


def _call(span: Span) -> RecordedCall:
    said = span.attributes
    return RecordedCall(
        trace_id=span.trace_id,
        span_id=span.span_id,
        start=span.start,
        seconds=span.seconds,
        state=safe_text(said.get(names.STATE, "")),
        outcome=safe_text(said.get(names.CALL_OUTCOME, "")),
        error_type=safe_text(said.get(names.ERROR_TYPE, "")),
        linked_span=(span.links[0].trace_id, span.links[0].span_id) if span.links else None,
    )


def _move(
    said: Attributes, time: int, trace_id: str, span_id: str, *, sentence: str = "", call: RecordedCall | None = None
) -> RecordedStateChange:
    return RecordedStateChange(
        time=time,
        from_state=safe_text(said.get(names.STATE_CHANGE_FROM, "")),
        to_state=safe_text(said.get(names.STATE_CHANGE_TO, "")),
        reason=safe_text(said.get(names.STATE_CHANGE_REASON, "")),
        episode=safe_text(said.get(names.EPISODE, "")),
        mode=safe_text(said.get(names.MODE, "")),
        trace_id=trace_id,
        span_id=span_id,
        evidence=_evidence(said),
        message=sentence,
        call=call,
    )


def _evidence(said: Attributes) -> Attributes:
    """The figures of a move, as far as they are what they should be: anybody may have written the files."""
    figures = {name: said[name] for name in _FIGURES & said.keys() if type(said[name]) in (int, float)}
    errors = said.get(names.ERROR_TYPES)
    told = {names.ERROR_TYPES: errors} if isinstance(errors, list) else {}
    return {name: value for name, value in figures.items() if isfinite(value)} | told
