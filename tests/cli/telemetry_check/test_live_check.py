"""Telemetry that violates the schema, and telemetry that does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_breaker_cli.otlp import DataPoint, Event, Link, LogRecord, Span, TelemetryRecord, TelemetrySource
from otel_breaker_cli.semconv_registry import load
from otel_breaker_cli.telemetry_check.live_check import LiveCheck

SCHEMA = load()
OURS = TelemetrySource({"service.name": "shop"}, "otel_breaker")
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
CALL = {
    "circuit_breaker.name": "payments",
    "circuit_breaker.state": "closed",
    "circuit_breaker.call.outcome": "success",
}
REFUSED = {
    "circuit_breaker.name": "payments",
    "circuit_breaker.state": "open",
    "circuit_breaker.call.outcome": "rejected",
    "circuit_breaker.rejection.reason": "open",
    "circuit_breaker.retry_after": 3.0,
    "circuit_breaker.episode": "8f1d0e7c5b3a2946",
    "error.type": "otel_breaker.errors.CircuitOpenError",
}
STATE_CHANGE = {
    "circuit_breaker.name": "payments",
    "circuit_breaker.mode": "enforce",
    "circuit_breaker.state_change.from": "closed",
    "circuit_breaker.state_change.to": "forced_closed",
    "circuit_breaker.state_change.reason": "manual",
}
TRIP = {
    **STATE_CHANGE,
    "circuit_breaker.state_change.to": "open",
    "circuit_breaker.state_change.reason": "failure_threshold",
    "circuit_breaker.episode": "8f1d0e7c5b3a2946",
    "circuit_breaker.consecutive_failures": 3,
    "circuit_breaker.window.calls": 0,
    "circuit_breaker.window.failures": 0,
    "circuit_breaker.window.slow_calls": 0,
    "circuit_breaker.threshold": 3.0,
    "circuit_breaker.error_types": ["TimeoutError=3"],
    "circuit_breaker.open.planned_duration": 30.0,
}
CALLS = {"circuit_breaker.name": "payments", "circuit_breaker.call.outcome": "success"}


def span(attributes: dict[str, Any], **others: Any) -> Span:
    fields = {"name": "circuit_breaker payments", "kind": "internal", "events": (), "links": (), "status": "unset"}
    return Span(OURS, TRACE_ID, SPAN_ID, "", start=1, end=2, attributes=attributes, **(fields | others))


def log(attributes: dict[str, Any], event: str = "circuit_breaker.state_change") -> LogRecord:
    return LogRecord(OURS, event, 1, 9, "moved", attributes, "", "")


def point(attributes: dict[str, Any], **others: Any) -> DataPoint:
    fields: dict[str, Any] = {"metric": "circuit_breaker.calls", "unit": "{call}", "instrument": "counter", "value": 1}
    return DataPoint(OURS, is_delta=False, time=1, attributes=attributes, **(fields | others))


def violations(*records: TelemetryRecord) -> list[str]:
    live_check = LiveCheck(SCHEMA)
    for record in records:
        live_check.check(record)
    return [violation.text for violation in live_check.violations]


def test_telemetry_that_follows_the_schema_is_no_violation() -> None:
    change = Event("circuit_breaker.state_change", 1, STATE_CHANGE)
    assert (
        violations(
            span(CALL),
            span(REFUSED, status="error", links=(Link(TRACE_ID, SPAN_ID),)),
            span({**CALL, "circuit_breaker.state_change.to": "forced_closed"}, events=(change,)),
            log(STATE_CHANGE),
            log(TRIP),
            point(CALLS),
        )
        == []
    )


SPAN = "span 'circuit_breaker {circuit_breaker.name}'"
LOG = "log event 'circuit_breaker.state_change'"
METRIC = "metric 'circuit_breaker.calls'"


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (span(CALL, name="payments"), "span 'payments' is unknown"),
        (span(CALL, name="circuit_breaker search"), f"{SPAN} does not have the name that its attributes make"),
        (span(CALL, kind="client"), f"{SPAN} is client, not internal"),
        (span(CALL, kind=""), f"{SPAN} is of no kind, not internal"),
        (span({**CALL, "shop.id": 7}), f"{SPAN}: the attribute 'shop.id' is unknown"),
        (span(CALL, events=(Event("retried", 1, {}),)), "span event 'retried' is unknown"),
        (log(STATE_CHANGE, "exception"), "log event 'exception' is unknown"),
        (
            span(CALL, links=(Link(TRACE_ID, SPAN_ID, {"to": "opening"}),)),
            f"{SPAN}: its link has an attribute 'to'",
        ),
        (log(STATE_CHANGE, event=""), "log event '' is unknown"),
        (
            log({**STATE_CHANGE, "circuit_breaker.link": "opening"}),
            f"{LOG}: the attribute 'circuit_breaker.link' is unknown",
        ),
        (point(CALLS, metric="circuit_breaker.all"), "metric 'circuit_breaker.all' is unknown"),
        (point(CALLS, unit="1"), f"{METRIC} has the unit '1', not '{{call}}'"),
        (point(CALLS, instrument="updowncounter"), f"{METRIC} is made by updowncounter, not counter"),
        (point({**CALLS, "circuit_breaker.key": "a"}), f"{METRIC}: the attribute 'circuit_breaker.key' is unknown"),
    ],
)
def test_a_name_or_property_that_is_not_in_the_schema_is_a_violation(record: TelemetryRecord, text: str) -> None:
    assert violations(record) == [text]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("window.calls", 7.0, "is double, not int"),
        ("window.calls", True, "is boolean, not int"),
        ("threshold", 3, "is int, not double"),
        ("name", 7, "is int, not string"),
        ("name", None, "is NoneType, not string"),
        ("error_types", "TimeoutError=3", "is string, not string[]"),
        ("error_types", [3, "TimeoutError"], "is int or string[], not string[]"),
        ("mode", True, "is boolean, not string"),
        ("mode", "quiet", "has the value 'quiet', which is none of its enumeration"),
    ],
)
def test_a_value_of_another_type_or_beside_its_enumeration_is_a_violation(name: str, value: object, text: str) -> None:
    assert violations(log({**TRIP, f"circuit_breaker.{name}": value})) == [f"{LOG}: circuit_breaker.{name} {text}"]


def test_a_list_without_items_is_of_any_type() -> None:
    assert violations(log({**TRIP, "circuit_breaker.error_types": []})) == []


def test_a_required_attribute_that_is_missing_is_a_violation() -> None:
    assert violations(point({"circuit_breaker.name": "payments"})) == [
        f"{METRIC}: circuit_breaker.call.outcome is missing, which is required"
    ]


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        (span({**CALL, "circuit_breaker.call.outcome": "ignored"}, status="error"), "error.type"),
        (span({**CALL, "circuit_breaker.call.outcome": "failure"}), "error.type"),
        (span(REFUSED, status="unset"), "circuit_breaker.fallback.used"),
        (
            span(CALL, events=(Event("circuit_breaker.state_change", 1, STATE_CHANGE),)),
            "circuit_breaker.state_change.to",
        ),
        *[
            (span({k: v for k, v in REFUSED.items() if k != f"circuit_breaker.{name}"}, status="error"), name)
            for name in ("episode", "retry_after", "rejection.reason")
        ],
        *[
            (log({k: v for k, v in TRIP.items() if k != f"circuit_breaker.{name}"}), name)
            for name in ("episode", "consecutive_failures", "threshold", "error_types", "open.planned_duration")
        ],
    ],
)
def test_an_attribute_that_is_conditionally_required_is_a_violation_when_it_is_missing(
    record: TelemetryRecord, missing: str
) -> None:
    (text,) = violations(record)

    assert f"{missing.removeprefix('circuit_breaker.')} is missing, which is required: If " in text


def test_an_attribute_is_not_required_when_only_some_of_its_conditions_hold() -> None:
    refused = {name: value for name, value in REFUSED.items() if name != "circuit_breaker.retry_after"}

    assert violations(span({**refused, "circuit_breaker.rejection.reason": "forced_open"}, status="error")) == []


def test_an_event_of_a_span_is_checked_like_a_log_event() -> None:
    change = Event("circuit_breaker.state_change", 1, {**STATE_CHANGE, "shop.id": 7})

    assert violations(span({**CALL, "circuit_breaker.state_change.to": "forced_closed"}, events=(change,))) == [
        "span event 'circuit_breaker.state_change': the attribute 'shop.id' is unknown"
    ]


def test_the_attributes_of_an_event_that_another_schema_defines_are_not_checked() -> None:
    event = Event("exception", 1, {"exception.type": "TimeoutError", "exception.message": "after 3 s"})

    assert violations(span(CALL, events=(event,))) == []


def test_an_exponential_histogram_is_made_by_a_histogram() -> None:
    duration = {"metric": "circuit_breaker.call.duration", "unit": "s", "instrument": "exponential_histogram"}

    assert violations(point(CALLS, **duration)) == []


def test_the_overflow_series_of_the_sdk_is_no_violation() -> None:
    assert violations(point({"otel.metric.overflow": True})) == []


@pytest.mark.parametrize("record", [span({}), log({}), point({})])
def test_telemetry_of_another_scope_is_not_checked(record: TelemetryRecord) -> None:
    assert violations(replace(record, source=TelemetrySource({}, "shop.breakers"))) == []
