"""What a Collector receives, as dataclasses: the real protobuf of OTLP, decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtobufSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass(frozen=True)
class Event:
    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Span:
    instance: str
    """Which process, by `service.instance.id`."""
    scope: str
    name: str
    kind: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    status: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    links: tuple[tuple[bytes, bytes], ...]
    """Trace and span of each."""

    @property
    def context(self) -> tuple[bytes, bytes]:
        return self.trace_id, self.span_id


@dataclass(frozen=True)
class Point:
    instance: str
    scope: str
    metric: str
    unit: str
    kind: str
    """`counter`, `up-down counter` or `gauge`; histograms are left out."""
    time: int
    value: float
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Log:
    instance: str
    event: str
    severity: str
    body: Any
    context: tuple[bytes, bytes]
    """Trace and span that it belongs to."""
    attributes: dict[str, Any]


def spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for instance, scope in _scopes(request.resource_spans, "scope_spans"):
        for span in scope.spans:
            yield Span(
                instance=instance,
                scope=scope.scope.name,
                name=span.name,
                kind=ProtobufSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_id=span.parent_span_id,
                status=Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
                start=span.start_time_unix_nano,
                end=span.end_time_unix_nano,
                attributes=_attributes(span.attributes),
                events=tuple(Event(event.name, _attributes(event.attributes)) for event in span.events),
                links=tuple((link.trace_id, link.span_id) for link in span.links),
            )


def points(request: ExportMetricsServiceRequest) -> Iterator[Point]:
    for instance, scope in _scopes(request.resource_metrics, "scope_metrics"):
        for metric in scope.metrics:
            is_sum = metric.HasField("sum")
            kind = ("counter" if metric.sum.is_monotonic else "up-down counter") if is_sum else "gauge"
            for point in metric.sum.data_points if is_sum else metric.gauge.data_points:
                value = point.as_int if point.HasField("as_int") else point.as_double
                attributes = _attributes(point.attributes)
                yield Point(
                    instance, scope.scope.name, metric.name, metric.unit, kind, point.time_unix_nano, value, attributes
                )


def logs(request: ExportLogsServiceRequest) -> Iterator[Log]:
    for instance, scope in _scopes(request.resource_logs, "scope_logs"):
        for record in scope.log_records:
            context, attributes = (record.trace_id, record.span_id), _attributes(record.attributes)
            yield Log(instance, record.event_name, record.severity_text, _value(record.body), context, attributes)


def _scopes(resources: Iterable[Any], scopes: str) -> Iterator[tuple[str, Any]]:
    for resource in resources:
        instance = _attributes(resource.resource.attributes).get("service.instance.id", "")
        for scope in getattr(resource, scopes):
            yield instance, scope


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
