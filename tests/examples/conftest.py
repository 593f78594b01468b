"""Telemetry of a small outage, written by the SDK and the official file exporter, and not by hand.

These files are only input here; the telemetry itself is tested in tests/telemetry.
"""

from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """A trip one second in, three refusals a second apart, a probe that closes."""
    file = tmp_path / "traces.jsonl"
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(file)))
    tracer = provider.get_tracer("otel_breaker")
    trip = _checkout(
        tracer, START, {"circuit_breaker.call.outcome": "failure"}, changes=[("closed", "open", "failure_threshold")]
    )
    for second in (2, 3, 4):
        refused: dict[str, str | float] = {
            "circuit_breaker.state": "open",
            "circuit_breaker.call.outcome": "rejected",
            "circuit_breaker.retry_after": 0.5,
        }
        _checkout(tracer, START + second * SECOND, refused, link=trip)
    probing = [("open", "half_open", "recovery_time_elapsed"), ("half_open", "closed", "probe_succeeded")]
    _checkout(tracer, START + 5 * SECOND, {"circuit_breaker.call.outcome": "success"}, changes=probing, link=trip)
    provider.shutdown()
    return file


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """Two exports of a counter: 1 and 3 refusals of an open circuit, one of a half-open one, no failure."""
    file = tmp_path / "metrics.jsonl"
    reader = PeriodicExportingMetricReader(FileMetricExporter(file), export_interval_millis=3_600_000)
    provider = MeterProvider([reader])
    refusals = iter((1, 3))

    def observe(_: CallbackOptions) -> list[Observation]:
        outcome, reason = "circuit_breaker.call.outcome", "circuit_breaker.rejection.reason"
        return [
            Observation(0, {outcome: "failure"}),
            Observation(next(refusals), {outcome: "rejected", reason: "open"}),
            Observation(1, {outcome: "rejected", reason: "half_open"}),
        ]

    meter = provider.get_meter("otel_breaker")
    meter.create_observable_counter("circuit_breaker.calls", [observe], unit="{call}")
    meter.create_histogram("http.server.request.duration").record(0.25)
    provider.force_flush()
    provider.shutdown()
    return file


def _checkout(
    tracer: Tracer,
    start: int,
    attributes: dict[str, str | float],
    changes: list[tuple[str, str, str]] | None = None,
    link: Span | None = None,
) -> Span:
    """A request of a second, with the guarded call in its second half."""
    request = tracer.start_span("POST /checkout", kind=SpanKind.SERVER, start_time=start)
    links = [Link(link.get_span_context())] if link else []
    call = tracer.start_span(
        "circuit_breaker payments",
        context=set_span_in_context(request),
        attributes=attributes,
        links=links,
        start_time=start + SECOND // 2,
    )
    for number, (from_state, to_state, reason) in enumerate(changes or ()):
        change = {"from": from_state, "to": to_state, "reason": reason}
        attributes_of_change = {f"circuit_breaker.state_change.{name}": value for name, value in change.items()}
        call.add_event("circuit_breaker.state_change", attributes_of_change, timestamp=start + SECOND - 2 + number)
    if attributes["circuit_breaker.call.outcome"] != "success":
        call.set_status(Status(StatusCode.ERROR))
    call.end(start + SECOND)
    request.end(start + SECOND)
    return call
