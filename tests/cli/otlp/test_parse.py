"""Documents of other writers are read as well, and a bad value costs no more than its record."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from otel_breaker_cli.otlp import LogRecord, Span
from otel_breaker_cli.otlp.fields import FieldError
from otel_breaker_cli.otlp.parse import parse

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
SPAN = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "s", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}


def whole(document: Any) -> list[Any]:
    """The records of a document without errors."""
    return list(parse(document, lambda error: pytest.fail(str(error))))


def parsed(document: Any) -> tuple[list[Any], list[str]]:
    """The records of a document, and the errors of what is skipped."""
    skipped: list[str] = []
    return list(parse(document, lambda error: skipped.append(str(error)))), skipped


def span_as(**changes: Any) -> Span:
    (span,) = whole({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN | changes]}]}]})
    assert isinstance(span, Span)
    return span


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


@pytest.mark.parametrize("document", [None, 7, "text", [], {}, {"spans": []}])
def test_a_document_that_is_no_otlp_is_an_error(document: Any) -> None:
    with pytest.raises(FieldError, match="it is no OTLP: "):
        whole(document)


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
def test_a_bad_value_costs_its_record_and_is_reported_with_its_path(changes: dict[str, Any], problem: str) -> None:
    spans = [SPAN, SPAN | changes, SPAN]

    records, (error,) = parsed({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})

    assert len(records) == 2
    assert error.startswith("resourceSpans[0].scopeSpans[0].spans[1].")
    assert problem in error


@pytest.mark.parametrize("resource", [{"attributes": [{"key": 7}]}, {"attributes": 7}, 7, {"attributes": [7]}])
def test_a_bad_resource_costs_no_record(resource: Any) -> None:
    records, (problem,) = parsed({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [SPAN]}]}]})

    assert len(records) == 1
    assert problem.startswith("resourceSpans[0].resource")


def test_the_other_attributes_of_a_resource_are_kept() -> None:
    attributes = [{"key": "bad", "value": 7}, {"key": "service.name", "value": {"stringValue": "shop"}}]

    (span,), _ = parsed(
        {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [SPAN]}]}]}
    )

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
def test_a_container_of_records_that_is_none_is_reported_with_its_path(document: Any, path: str) -> None:
    records, (problem,) = parsed(document)

    assert records == []
    assert problem.startswith(f"{path}: ")


def metric(**changes: Any) -> Any:
    points = [{"timeUnixNano": "1", "asInt": "1"}, {"timeUnixNano": "2", "asDouble": 0.5}]
    return {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}} | changes]}]}]
    }


def test_a_metric_without_a_name_is_skipped() -> None:
    assert parsed(metric(name=None)) == ([], ["resourceMetrics[0].scopeMetrics[0].metrics[0].name: it is missing"])


def test_a_bad_point_costs_no_other() -> None:
    points = [{"timeUnixNano": 1, "asDouble": {}}, {"timeUnixNano": 1, "asDouble": "Infinity"}]

    (point,), (problem,) = parsed(metric(gauge={"dataPoints": points}))

    assert point.value == float("inf")
    assert problem.endswith("metrics[0].gauge.dataPoints[0].asDouble: it is no number")


def test_null_is_an_absent_field() -> None:
    span = span_as(name=None, kind=None, attributes=None, events=None, status=None, parentSpanId=None)

    assert (span.name, span.kind, span.attributes, span.events, span.status) == ("", "", {}, (), "unset")


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    assert span_as(startTimeUnixNano=1.8e18).start == 1_800_000_000_000_000_000


def test_a_value_of_an_unknown_kind_is_none() -> None:
    assert span_as(attributes=[{"key": "a", "value": {"newValue": {"b": 1}}}]).attributes == {"a": None}
