"""Files of the real exporters are read back completely."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, format_span_id, format_trace_id

from otel_breaker_cli.otlp import DataPoint, LogRecord
from otel_breaker_cli.otlp import Link as ReadLink
from otel_breaker_cli.otlp.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.util.types import AttributeValue

RESOURCE = Resource({"service.name": "shop"})


def lines(file: Path) -> list[Any]:
    return [record for line in file.read_bytes().splitlines() for record in records(json.loads(line))]


def records(document: Any) -> list[Any]:
    return list(parse(document, lambda error: pytest.fail(str(error))))


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(tmp_path / "traces.jsonl")))
    yield provider.get_tracer("shop.tracer")  # type: ignore[misc]  # the SDK's own class
    provider.shutdown()


def test_a_span_is_read_completely(tmp_path: Path, tracer: Tracer) -> None:
    parent = tracer.start_span("POST /checkout", kind=SpanKind.SERVER)
    context = trace.set_span_in_context(parent)
    child = tracer.start_span(
        "charge", context, attributes={"amount": 3}, links=[Link(parent.get_span_context())], start_time=1_000
    )
    child.add_event("declined", {"why": "funds"}, timestamp=1_500)
    child.set_status(Status(StatusCode.ERROR))
    child.end(2_000_001_000)

    (span,) = lines(tmp_path / "traces.jsonl")

    ids = parent.get_span_context()
    assert (span.trace_id, span.parent_id) == (format_trace_id(ids.trace_id), format_span_id(ids.span_id))
    assert span.span_id == format_span_id(child.get_span_context().span_id)
    assert (span.name, span.kind, span.start, span.seconds) == ("charge", "internal", 1_000, 2.0)
    assert (span.attributes, span.status, span.failed) == ({"amount": 3}, "error", True)
    assert [(event.name, event.time, event.attributes) for event in span.events] == [
        ("declined", 1_500, {"why": "funds"})
    ]
    assert span.links == (ReadLink(span.trace_id, span.parent_id),)
    assert (span.source.resource["service.name"], span.source.scope) == ("shop", "shop.tracer")


def test_a_root_has_no_parent_and_an_unset_status_is_no_failure(tmp_path: Path, tracer: Tracer) -> None:
    tracer.start_span("GET /", kind=SpanKind.SERVER).end()

    (span,) = lines(tmp_path / "traces.jsonl")

    assert (span.parent_id, span.kind, span.status, span.failed) == ("", "server", "unset", False)


@pytest.mark.parametrize("value", ["text", "", 0, 2**62, 1.5, 2.0, True, False, ["a", "b"], [1, 2], b"\x00\xff"])
def test_an_attribute_keeps_its_type(tmp_path: Path, tracer: Tracer, value: AttributeValue) -> None:
    tracer.start_span("span", attributes={"key": value}).end()

    (span,) = lines(tmp_path / "traces.jsonl")

    assert span.attributes["key"] == value
    assert type(span.attributes["key"]) is type(value)


def test_a_log_event_is_read_completely(tmp_path: Path, tracer: Tracer) -> None:
    file = tmp_path / "logs.jsonl"
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(file)))
    span = tracer.start_span("span")
    provider.get_logger("shop.logger").emit(
        timestamp=5,
        context=trace.set_span_in_context(span),
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body="paid late",
        attributes={"order": "7", "nested": {"deep": [1]}},
        event_name="shop.late",
    )
    provider.shutdown()

    (log,) = lines(file)

    assert isinstance(log, LogRecord)
    assert (log.event_name, log.time, log.severity, log.body) == ("shop.late", 5, 13, "paid late")
    assert log.attributes == {"order": "7", "nested": {"deep": [1]}}
    assert log.span_id == format_span_id(span.get_span_context().span_id)
    assert (log.source.resource["service.name"], log.source.scope) == ("shop", "shop.logger")


def exported_points(file: Path, measure: Callable[[Any], object], **options: Any) -> list[DataPoint]:
    reader = PeriodicExportingMetricReader(FileMetricExporter(file, **options), export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    measure(provider.get_meter("shop.meter"))
    provider.shutdown()
    return lines(file)


@pytest.mark.parametrize(
    ("measure", "instrument", "value"),
    [
        (lambda meter: meter.create_counter("m", "{call}").add(2, {"a": "b"}), "counter", 2),
        (lambda meter: meter.create_up_down_counter("m", "{call}").add(-2, {"a": "b"}), "updowncounter", -2),
        (lambda meter: meter.create_gauge("m", "{call}").set(0.5, {"a": "b"}), "gauge", 0.5),
        (lambda meter: meter.create_histogram("m", "{call}").record(9, {"a": "b"}), "histogram", 1),
    ],
)
def test_each_instrument_is_read(
    tmp_path: Path, measure: Callable[[Any], object], instrument: str, value: float
) -> None:
    (point,) = exported_points(tmp_path / "metrics.jsonl", measure)

    assert (point.metric, point.unit, point.instrument, point.value) == ("m", "{call}", instrument, value)
    assert (point.attributes, point.is_delta, point.source.scope) == ({"a": "b"}, False, "shop.meter")
    assert point.time > 1_700_000_000_000_000_000


def test_delta_temporality_is_recognized(tmp_path: Path) -> None:
    (point,) = exported_points(
        tmp_path / "metrics.jsonl",
        lambda meter: meter.create_counter("m").add(1),
        preferred_temporality={Counter: AggregationTemporality.DELTA},
    )

    assert point.is_delta
