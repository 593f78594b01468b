"""Builds an `Incident` from a stream of records: keeps circuits, episodes and state changes, and only counts spans.

A state change is exported twice, as an event of the span that caused it and as a log event; either is enough, and both
are one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from otel_breaker.core.states import CircuitState, Outcome
from otel_breaker.telemetry import names
from otel_breaker_cli.incident.builders import CircuitBuilder
from otel_breaker_cli.incident.episode import RecordedProbe
from otel_breaker_cli.incident.extract import (
    circuit_identity,
    recorded_call,
    recorded_state_change,
    service_instance,
)
from otel_breaker_cli.incident.metric_series import SeriesAggregator
from otel_breaker_cli.incident.model import Incident
from otel_breaker_cli.incident.request_names import RequestNames
from otel_breaker_cli.incident.wording import safe_text
from otel_breaker_cli.otlp import LogRecord, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_breaker_cli.incident.builders import EpisodeBuilder
    from otel_breaker_cli.incident.episode import RecordedCall, RecordedStateChange
    from otel_breaker_cli.incident.model import CircuitIdentity, CircuitTimeline
    from otel_breaker_cli.otlp import Attributes, DataPoint, TelemetryRecord, TelemetrySource


def collect(records: Iterable[TelemetryRecord]) -> Incident:
    """Build an incident from records in any order.

    Args:
        records: an iterable that starts over each time; it is read once more when the span that names a request may
            have come before the call that makes the request matter.
    """
    builder = IncidentBuilder()
    for record in records:
        builder.add(record)
    if builder.request_names.is_incomplete:
        for record in records:
            if isinstance(record, Span):
                builder.request_names.add(record)
    return builder.build()


class IncidentBuilder:
    """Takes records in any order."""

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
                self._add_log_event(record)
        else:
            self._add_data_point(record)

    def build(self) -> Incident:
        """The incident of all records so far."""
        circuits = [
            circuit.build(identity)
            for identity, circuit in self._circuits.items()
            if circuit.state_changes or circuit.episodes or circuit.limit_refusals.samples
        ]
        return Incident(
            circuits=tuple(sorted(circuits, key=_first_time)),
            unchanged_circuits=len(self._circuits) - len(circuits),
            start=self._start,
            end=self._end,
            request_names=self.request_names.by_trace,
            metric_series=self._series.result(),
        )

    def _add_data_point(self, point: DataPoint) -> None:
        if point.metric.startswith("circuit_breaker."):
            self._series.add(point, service_instance(point.source))

    def _add_log_event(self, log: LogRecord) -> None:
        circuit = self._circuit(log.source, log.attributes)
        message = safe_text(log.body)
        change = recorded_state_change(log.attributes, log.time, log.trace_id, log.span_id, message=message)
        self._add_state_change(circuit, change)

    def _add_span(self, span: Span) -> None:
        attributes = span.attributes
        circuit = self._circuit(span.source, attributes)
        call = recorded_call(span)
        self._extend_range(span.start, span.end)
        for change in _state_changes(span, call):
            self._add_state_change(circuit, change)
        if names.EPISODE in attributes:
            episode = circuit.episode(safe_text(attributes[names.EPISODE]), span.start)
            self._add_call(episode, span, call)
        elif call.is_over_limit and circuit.limit_refusals.add(call):
            self.request_names.track(call.trace_id)

    def _add_call(self, episode: EpisodeBuilder, span: Span, call: RecordedCall) -> None:
        attributes = span.attributes
        episode.last_seen = max(episode.last_seen, span.end)
        episode.mode = episode.mode or safe_text(attributes.get(names.MODE, ""))
        if call.linked_span and attributes.get(names.LINK) == "opening":
            episode.add_link(call)
        if attributes.get(names.SHADOW_REJECTED):
            episode.shadow_outcomes[call.outcome] += 1
        elif call.outcome == Outcome.REJECTED.value:
            if episode.refusals.add(call):
                self.request_names.track(call.trace_id)
        elif call.state == CircuitState.HALF_OPEN.value:
            ids = (call.trace_id, call.span_id)
            episode.add_probe(RecordedProbe(call.start, call.outcome, call.error_type, call.seconds, *ids))
            if safe_text(attributes.get(names.STATE_CHANGE_TO, "")):
                episode.state_changing_probes.add(ids)

    def _add_state_change(self, circuit: CircuitBuilder, change: RecordedStateChange) -> None:
        self._extend_range(change.time, change.time)
        self.request_names.track(change.trace_id)
        if change.hanging_call is not None:
            self.request_names.track(change.hanging_call[0])
        if change.episode:
            episode = circuit.episode(change.episode, change.time)
            episode.mode = episode.mode or change.mode
        circuit.add_state_change(change)

    def _circuit(self, source: TelemetrySource, attributes: Attributes) -> CircuitBuilder:
        return self._circuits.setdefault(circuit_identity(source, attributes), CircuitBuilder())

    def _extend_range(self, start: int, end: int) -> None:
        self._start = min(self._start or start, start)
        self._end = max(self._end, end)


def _state_changes(span: Span, call: RecordedCall) -> Iterator[RecordedStateChange]:
    """The state changes that a call caused: those of its events, or without any, the one of its attribute."""
    ids = (span.trace_id, span.span_id)
    events = [event for event in span.events if event.name == names.EVENT_STATE_CHANGE]
    for event in events:
        change = recorded_state_change(event.attributes, event.time, *ids, call=call)
        is_trip = change.from_state == CircuitState.CLOSED.value
        # The last link of a call that trips a closed circuit is the call that hangs.
        links = [(link.trace_id, link.span_id) for link in span.links]
        yield replace(change, hanging_call=links[-1] if links and is_trip else None)
    to_state = safe_text(span.attributes.get(names.STATE_CHANGE_TO, ""))
    if not events and to_state and to_state != call.state:
        attributes = {**span.attributes, names.STATE_CHANGE_FROM: call.state, names.STATE_CHANGE_TO: to_state}
        yield replace(recorded_state_change(attributes, span.end, *ids, call=call), evidence={})


def _first_time(circuit: CircuitTimeline) -> tuple[int, CircuitIdentity]:
    return min(chain((episode.start for episode in circuit.episodes), circuit.times)), circuit.identity
