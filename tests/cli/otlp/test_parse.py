"""What the real file exporters write is read back, and what other writers do differently is borne with."""

from __future__ import annotations

import base64
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

from otel_breaker_cli.otlp import DataPoint, LogRecord, Span
from otel_breaker_cli.otlp import Link as ReadLink
from otel_breaker_cli.otlp.fields import FieldError
from otel_breaker_cli.otlp.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.util.types import AttributeValue

RESOURCE = Resource({"service.name": "shop"})
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
PLAIN = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "s", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}


def lines(file: Path) -> list[Any]:
    return [record for line in file.read_bytes().splitlines() for record in whole(json.loads(line))]


def whole(document: Any) -> list[Any]:
    """The records of a document in which nothing is wrong."""
    return list(parse(document, lambda misfit: pytest.fail(str(misfit))))


def told(document: Any) -> tuple[list[Any], list[str]]:
    """The records of a document, and what is said of what is wrong."""
    skipped: list[str] = []
    return list(parse(document, lambda misfit: skipped.append(str(misfit)))), skipped


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(tmp_path / "traces.jsonl")))
    yield provider.get_tracer("shop.tracer")  # type: ignore[misc]  # the SDK's own class
    provider.shutdown()


def span_as(**changes: Any) -> Span:
    (span,) = whole({"resourceSpans": [{"scopeSpans": [{"spans": [PLAIN | changes]}]}]})
    assert isinstance(span, Span)
    return span


def test_a_span_is_read_with_all_that_it_says(tmp_path: Path, tracer: Tracer) -> None:
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


def test_a_root_has_no_parent_and_a_plain_end_is_no_failure(tmp_path: Path, tracer: Tracer) -> None:
    tracer.start_span("GET /", kind=SpanKind.SERVER).end()

    (span,) = lines(tmp_path / "traces.jsonl")

    assert (span.parent_id, span.kind, span.status, span.failed) == ("", "server", "unset", False)


@pytest.mark.parametrize("value", ["text", "", 0, 2**62, 1.5, 2.0, True, False, ["a", "b"], [1, 2], b"\x00\xff"])
def test_an_attribute_keeps_its_type(tmp_path: Path, tracer: Tracer, value: AttributeValue) -> None:
    tracer.start_span("span", attributes={"key": value}).end()

    (span,) = lines(tmp_path / "traces.jsonl")

    assert span.attributes["key"] == value
    assert type(span.attributes["key"]) is type(value)


def test_a_log_event_is_read_with_all_that_it_says(tmp_path: Path, tracer: Tracer) -> None:
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


def measured(file: Path, measure: Callable[[Any], object], **options: Any) -> list[DataPoint]:
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
    (point,) = measured(tmp_path / "metrics.jsonl", measure)

    assert (point.metric, point.unit, point.instrument, point.value) == ("m", "{call}", instrument, value)
    assert (point.attributes, point.is_delta, point.source.scope) == ({"a": "b"}, False, "shop.meter")
    assert point.time > 1_700_000_000_000_000_000


def test_delta_temporality_is_told(tmp_path: Path) -> None:
    (point,) = measured(
        tmp_path / "metrics.jsonl",
        lambda meter: meter.create_counter("m").add(1),
        preferred_temporality={Counter: AggregationTemporality.DELTA},
    )

    assert point.is_delta


def test_enumeration_members_may_be_written_by_name() -> None:
    span = span_as(kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_ERROR"})

    assert (span.kind, span.status) == ("client", "error")


def test_an_unknown_kind_is_none() -> None:
    assert (span_as(kind="SPAN_KIND_UNSPECIFIED").kind, span_as(kind=17).kind) == ("", "")


@pytest.mark.parametrize(("name", "number"), [("SEVERITY_NUMBER_WARN", 13), ("SEVERITY_NUMBER_ERROR4", 20), ("odd", 0)])
def test_a_severity_may_be_written_by_name(name: str, number: int) -> None:
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1", "severityNumber": name}]}]}]}

    (log,) = whole(line)

    assert isinstance(log, LogRecord)
    assert log.severity == number


def test_ids_may_be_written_in_capitals_or_in_base64() -> None:
    encoded = base64.b64encode(bytes.fromhex(TRACE_ID)).decode()

    assert {span_as(traceId=written).trace_id for written in (TRACE_ID, TRACE_ID.upper(), encoded)} == {TRACE_ID}


@pytest.mark.parametrize("parent", ["", "0" * 16])
def test_no_parent_may_be_written_as_zeros(parent: str) -> None:
    assert span_as(parentSpanId=parent).parent_id == ""


def test_a_log_without_a_time_has_the_time_at_which_it_was_observed() -> None:
    record = {"timeUnixNano": "0", "observedTimeUnixNano": 7}
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}

    (log,) = whole(line)

    assert isinstance(log, LogRecord)
    assert log.time == 7


@pytest.mark.parametrize("said", [None, 7, "text", [], {}, {"spans": []}])
def test_a_document_that_is_no_otlp_says_so(said: Any) -> None:
    with pytest.raises(FieldError, match="it is no OTLP: "):
        whole(said)


TOO_DEEP: dict[str, Any] = {"stringValue": "text"}
for _ in range(40):
    TOO_DEEP = {"arrayValue": {"values": [TOO_DEEP]}}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"traceId": None}, "traceId: it is missing"),
        ({"traceId": 7}, "traceId: it is no text"),
        ({"spanId": "xyz"}, "spanId: it is no id"),
        ({"spanId": "\N{SNOWMAN}"}, "spanId: it is no id"),
        ({"name": {"a": 1}}, "name: it is no text"),
        ({"kind": []}, "kind: it is no whole number"),
        ({"startTimeUnixNano": float("inf")}, "startTimeUnixNano: it is no whole number"),
        ({"startTimeUnixNano": float("nan")}, "startTimeUnixNano: it is no whole number"),
        ({"startTimeUnixNano": True}, "startTimeUnixNano: it is no whole number"),
        ({"startTimeUnixNano": "1e3"}, "startTimeUnixNano: it is no whole number"),
        ({"startTimeUnixNano": "-1"}, "startTimeUnixNano: it is no time"),
        ({"endTimeUnixNano": str(2**64)}, "endTimeUnixNano: it is no time"),
        ({"attributes": 7}, "attributes: it is no list"),
        ({"attributes": [{"key": "a"}, 7]}, "attributes[1]: it is no object"),
        ({"attributes": [{"key": 1}]}, "attributes[0].key: it is no text"),
        ({"attributes": [{"key": "a", "value": []}]}, "attributes[0].value: it is no object"),
        ({"attributes": [{"key": "a", "value": {"intValue": 1e300}}]}, "attributes[0].value.intValue: it is larger"),
        ({"attributes": [{"key": "a", "value": {"boolValue": 1}}]}, "value.boolValue: it is neither true nor false"),
        ({"attributes": [{"key": "a", "value": {"doubleValue": "x"}}]}, "value.doubleValue: it is no number"),
        ({"attributes": [{"key": "a", "value": {"doubleValue": 10**400}}]}, "value.doubleValue: it is no number"),
        ({"attributes": [{"key": "a", "value": {"bytesValue": "a"}}]}, "value.bytesValue: it is not in base64"),
        ({"attributes": [{"key": "a", "value": TOO_DEEP}]}, "it is nested too deeply"),
        ({"events": [{"timeUnixNano": "1"}, {}]}, "events[1].timeUnixNano: it is missing"),
        ({"links": [[]]}, "links[0]: it is no object"),
        ({"status": "ok"}, "status: it is no object"),
        ({"status": {"code": 0.5}}, "status.code: it is no whole number"),
    ],
)
def test_a_bad_value_costs_its_record_and_is_told_with_its_path(changes: dict[str, Any], problem: str) -> None:
    spans = [PLAIN, PLAIN | changes, PLAIN]

    records, (said,) = told({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})

    assert len(records) == 2
    assert said.startswith("resourceSpans[0].scopeSpans[0].spans[1].")
    assert problem in said


@pytest.mark.parametrize("said", [{"attributes": [{"key": 7}]}, {"attributes": 7}, 7, {"attributes": [7]}])
def test_a_bad_resource_costs_no_record(said: Any) -> None:
    records, (problem,) = told({"resourceSpans": [{"resource": said, "scopeSpans": [{"spans": [PLAIN]}]}]})

    assert len(records) == 1
    assert problem.startswith("resourceSpans[0].resource")


def test_what_else_a_resource_says_is_kept() -> None:
    said = [{"key": "bad", "value": 7}, {"key": "service.name", "value": {"stringValue": "shop"}}]

    (span,), _ = told({"resourceSpans": [{"resource": {"attributes": said}, "scopeSpans": [{"spans": [PLAIN]}]}]})

    assert span.source.resource == {"service.name": "shop"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"resourceSpans": 7}, "resourceSpans"),
        ({"resourceSpans": [7]}, "resourceSpans[0]"),
        ({"resourceLogs": [{"scopeLogs": {}}]}, "resourceLogs[0].scopeLogs"),
        (
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [None]}]}]},
            "resourceMetrics[0].scopeMetrics[0].metrics[0]",
        ),
        ({"resourceSpans": [{"scopeSpans": [{"scope": 7}]}]}, "resourceSpans[0].scopeSpans[0].scope"),
    ],
)
def test_what_holds_records_and_is_none_is_told_with_its_path(document: Any, path: str) -> None:
    records, (problem,) = told(document)

    assert records == []
    assert problem.startswith(f"{path}: ")


def metric(**changes: Any) -> Any:
    points = [{"timeUnixNano": "1", "asInt": "1"}, {"timeUnixNano": "2", "asDouble": 0.5}]
    return {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}} | changes]}]}]
    }


def test_a_metric_without_a_name_is_skipped() -> None:
    assert told(metric(name=None)) == ([], ["resourceMetrics[0].scopeMetrics[0].metrics[0].name: it is missing"])


def test_a_bad_point_costs_no_other() -> None:
    points = [{"timeUnixNano": 1, "asDouble": {}}, {"timeUnixNano": 1, "asDouble": "Infinity"}]

    (point,), (problem,) = told(metric(gauge={"dataPoints": points}))

    assert point.value == float("inf")
    assert problem.endswith("metrics[0].gauge.dataPoints[0].asDouble: it is no number")


def test_null_is_a_field_that_is_not_there() -> None:
    span = span_as(name=None, kind=None, attributes=None, events=None, status=None, parentSpanId=None)

    assert (span.name, span.kind, span.attributes, span.events, span.status) == ("", "", {}, (), "unset")


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    assert span_as(startTimeUnixNano=1.8e18).start == 1_800_000_000_000_000_000


def test_a_value_of_a_kind_that_is_not_known_is_none() -> None:
    assert span_as(attributes=[{"key": "a", "value": {"newValue": {"b": 1}}}]).attributes == {"a": None}
