"""What stands in for a Collector: receives OTLP over HTTP or gRPC and decodes the real protobuf into plain values."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtobufSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


HTTP, GRPC = "http/protobuf", "grpc"
"""Protocols, as OTEL_EXPORTER_OTLP_PROTOCOL calls them."""

_SERVICES = {
    f"/v1/{path}": f"opentelemetry.proto.collector.{name}.v1.{name.title()}Service"
    for path, name in (("traces", "trace"), ("metrics", "metrics"), ("logs", "logs"))
}


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


@dataclass
class Received:
    """Everything that has arrived so far, in that order."""

    url: str
    spans: list[Span] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)
    """How bodies were compressed; gRPC, which does not tell, is `grpc`."""

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        elif path == "/v1/metrics":
            self.points += _points(ExportMetricsServiceRequest.FromString(body))
        else:
            self.logs += _logs(ExportLogsServiceRequest.FromString(body))

    def totals(self, metric: str, *attributes: str) -> dict[tuple[str, ...], float]:
        """The last value of each series of a metric, without the zeros, by the values of these attributes."""
        last = {
            tuple(str(point.attributes.get(name)) for name in attributes): point.value
            for point in sorted(self.points, key=lambda point: point.time)
            if point.metric == metric
        }
        return {series: value for series, value in last.items() if value}


def receiving(protocol: str = HTTP) -> AbstractContextManager[Received]:
    """Serve on a free port of this machine for the length of a block."""
    return _serving_grpc() if protocol == GRPC else _serving_http()


@contextmanager
def _serving_grpc() -> Iterator[Received]:
    lock = threading.Lock()

    def export_to(path: str) -> grpc.RpcMethodHandler:
        def export(body: bytes, _: grpc.ServicerContext) -> bytes:
            with lock:
                received.encodings.add("grpc")
                received.take(path, body)
            return b""  # each answer's protobuf, with nothing in it

        return grpc.unary_unary_rpc_method_handler(export)

    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        for path, service in _SERVICES.items():
            handler = grpc.method_handlers_generic_handler(service, {"Export": export_to(path)})
            server.add_generic_rpc_handlers((handler,))
        received = Received(f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        try:
            yield received
        finally:
            server.stop(None).wait()


@contextmanager
def _serving_http() -> Iterator[Received]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            encoding = self.headers.get("Content-Encoding", "identity")
            with lock:
                received.encodings.add(encoding)
                received.take(self.path, gzip.decompress(body) if encoding == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Received(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
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


def _points(request: ExportMetricsServiceRequest) -> Iterator[Point]:
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


def _logs(request: ExportLogsServiceRequest) -> Iterator[Log]:
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
