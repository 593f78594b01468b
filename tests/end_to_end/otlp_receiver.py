"""A fake Collector: receives OTLP over HTTP or gRPC, and keeps it decoded."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.end_to_end import otlp_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.end_to_end.otlp_records import Log, Point, Span


HTTP, GRPC = "http/protobuf", "grpc"
"""Protocols, as OTEL_EXPORTER_OTLP_PROTOCOL calls them."""

_SERVICES = {
    f"/v1/{path}": f"opentelemetry.proto.collector.{name}.v1.{name.title()}Service"
    for path, name in (("traces", "trace"), ("metrics", "metrics"), ("logs", "logs"))
}


@dataclass
class Received:
    """Everything that has arrived so far, in that order."""

    url: str
    spans: list[Span] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)
    """How bodies were compressed; `grpc` for gRPC, which does not show it."""

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            self.spans += otlp_records.spans(ExportTraceServiceRequest.FromString(body))
        elif path == "/v1/metrics":
            self.points += otlp_records.points(ExportMetricsServiceRequest.FromString(body))
        else:
            self.logs += otlp_records.logs(ExportLogsServiceRequest.FromString(body))

    def totals(self, metric: str, *attributes: str) -> dict[tuple[str, ...], float]:
        """The sums of the last values of a metric's series, without the zeros, by the values of these attributes."""
        last = {
            tuple(sorted(point.attributes.items())): point
            for point in sorted(self.points, key=lambda point: point.time)
            if point.metric == metric
        }
        sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for point in last.values():
            sums[tuple(str(point.attributes.get(name)) for name in attributes)] += point.value
        return {series: value for series, value in sums.items() if value}


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
