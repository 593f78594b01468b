"""The demo, shortened: real processes, real HTTP, real files, and a Collector that is a thread of the test."""

import ast
import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from examples.checkout import picture
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from tests.docs.oncall import brief, form, shown

COMMAND = [sys.executable, "-m", "examples.checkout", "--healthy", "1", "--down", "3", "--recovered", "5"]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Collector:
    url: str
    bodies: dict[str, list[bytes]]

    def spans(self) -> set[str]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies["/v1/traces"])
        return {s.name for request in requests for r in request.resource_spans for c in r.scope_spans for s in c.spans}

    def metrics(self) -> set[str]:
        requests = map(ExportMetricsServiceRequest.FromString, self.bodies["/v1/metrics"])
        return {
            m.name for request in requests for r in request.resource_metrics for c in r.scope_metrics for m in c.metrics
        }

    def events(self) -> set[str]:
        requests = map(ExportLogsServiceRequest.FromString, self.bodies["/v1/logs"])
        return {
            record.event_name
            for request in requests
            for r in request.resource_logs
            for c in r.scope_logs
            for record in c.log_records
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    bodies: dict[str, list[bytes]] = defaultdict(list)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            compressed = self.headers.get("Content-Encoding") == "gzip"
            bodies[self.path].append(gzip.decompress(body) if compressed else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Collector(f"http://127.0.0.1:{server.server_port}", bodies)
        server.shutdown()


@pytest.mark.processes
@pytest.mark.timeout(120)
def test_the_demo_prints_its_results_writes_files_and_exports_to_a_collector(
    tmp_path: Path, collector: Collector
) -> None:
    # An encoding without arrows must not end the demo.
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "--output", tmp_path],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the operator changes failure_threshold from 5 to 3" in done.stdout
    assert "closed \\u2192 open  (failure_threshold, 3 failures in a row)" in done.stdout
    assert "half_open \\u2192 closed  (probe_succeeded" in done.stdout
    assert "circuit_breaker.call.outcome = rejected" in done.stdout
    for question in QUESTIONS[:4]:
        assert question.text in done.stdout
    assert str(tmp_path / "incident.html") in done.stdout.replace("\n", "").replace(" ", "")
    assert "payments" in (tmp_path / "incident.html").read_text()
    assert drawn(tmp_path / picture.NAME) == drawn(ROOT / "docs" / picture.NAME)
    for run in ("without-breaker", "with-breaker"):
        assert all((tmp_path / run / f"{name}.jsonl").exists() for name in ("traces", "metrics", "logs"))
    assert "circuit_breaker" not in (tmp_path / "without-breaker" / "traces.jsonl").read_text()
    assert {"POST /checkout", "circuit_breaker payments", "POST"} <= collector.spans()
    assert "circuit_breaker.calls" in collector.metrics()
    assert "circuit_breaker.state_change" in collector.events()
    assert answered(tmp_path / "with-breaker") == {question: brief(answer) for question, answer in shown().items()}


def drawn(file: Path) -> str:
    """A picture without what differs from run to run: ids, times, and the places of bars."""
    text = re.sub(r"\b[0-9a-f]{16}(?:[0-9a-f]{16})?\b", "<id>", file.read_text())
    return re.sub(r"\d+(?:\.\d+)?", "<number>", text)


def answered(folder: Path) -> dict[str, str]:
    """The answers of `otel-breaker incident --answers` to the files of the demo, by question."""
    command = [sys.executable, "-m", "otel_breaker", "incident", "--answers", str(folder)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    parts = re.split(r"^(\S.*)\n", output, flags=re.MULTILINE)[1:]
    return {
        question: brief(form(re.sub("^  ", "", answer, flags=re.MULTILINE)))
        for question, answer in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.processes
@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "--output", tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert any("the provider is healthy" in line for line in demo.stdout)
        demo.send_signal(number)
        assert "Interrupted" in demo.stdout.read()
    assert demo.returncode == 128 + number
    for log in ("shop.log", "provider.log"):
        address = re.search(r"127\.0\.0\.1:(\d+)", (tmp_path / "without-breaker" / log).read_text())
        assert address
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(address[1])))


@pytest.mark.parametrize("module", ["shop", "async_shop", "payments", "provider"])
def test_the_shop_and_its_provider_import_neither_breakers_nor_telemetry(module: str) -> None:
    tree = ast.parse((ROOT / "examples" / "checkout" / f"{module}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith(("otel", "opentelemetry"))]
