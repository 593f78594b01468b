"""One document of OTLP/JSON, an export request of any signal, as records.

A value that OTLP does not allow costs the record that holds it, or one attribute of a resource. `fields` has the types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_breaker_cli.otlp.fields import (
    FieldError,
    Json,
    array,
    boolean,
    each,
    enumeration,
    hex_id,
    integer,
    json_object,
    number,
    optional,
    required,
    severity,
    text,
    time,
)
from otel_breaker_cli.otlp.records import DataPoint, Event, Link, LogRecord, Span, TelemetrySource
from otel_breaker_cli.otlp.values import any_value, attributes, key_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otel_breaker_cli.otlp.records import TelemetryRecord

    OnSkip: TypeAlias = Callable[[FieldError], None]

_KIND: Final = enumeration("SPAN_KIND_", dict(enumerate(("", "internal", "server", "client", "producer", "consumer"))))
_STATUS: Final = enumeration("STATUS_CODE_", {0: "unset", 1: "ok", 2: "error"})
_TEMPORALITY: Final = enumeration("AGGREGATION_TEMPORALITY_", {0: "", 1: "delta", 2: "cumulative"})
_INSTRUMENTS: Final = {
    "sum": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}


def parse(document: Any, on_skip: OnSkip) -> Iterator[TelemetryRecord]:
    """Read one document: an export request of any signal.

    Args:
        document: the parsed JSON.
        on_skip: called with the error of each record, or attribute of a resource, that is skipped.

    Raises:
        FieldError: when it is no OTLP.
    """
    if type(document) is not dict:
        raise FieldError("it is no OTLP: it is no object")
    if not document.keys() & _RESOURCES:
        raise FieldError(f"it is no OTLP: there is none of {', '.join(sorted(_RESOURCES))} in it")
    for resources, scopes, entries, read in _SIGNALS:
        for resource, resource_path in _objects(document, resources, "", on_skip):
            resource_attributes = _resource(resource, f"{resource_path}.resource", on_skip)
            for scope, scope_path in _objects(resource, scopes, resource_path, on_skip):
                source = TelemetrySource(resource_attributes, _scope(scope, scope_path, on_skip))
                for entry, path in _objects(scope, entries, scope_path, on_skip):
                    try:
                        records = list(read(entry, source, on_skip, path))
                    except FieldError as error:
                        on_skip(error.within(path))
                    else:
                        yield from records


def _objects(owner: Json, name: str, owner_path: str, on_skip: OnSkip) -> Iterator[tuple[Json, str]]:
    """The objects of a list, each with its path; an item that is no object is skipped."""
    path = f"{owner_path}.{name}" if owner_path else name
    try:
        values: list[Any] = optional(owner, name, array, [])
    except FieldError as error:
        on_skip(FieldError(error.problem, path))
        return
    for index, value in enumerate(values):
        if type(value) is dict:
            yield value, f"{path}[{index}]"
        else:
            on_skip(FieldError("it is no object", f"{path}[{index}]"))


def _resource(owner: Json, path: str, on_skip: OnSkip) -> dict[str, Any]:
    """The attributes of a resource; a bad one is skipped alone, since all records of the process need the others."""
    result = {}
    try:
        resource: Json = optional(owner, "resource", json_object, {})
    except FieldError as error:
        on_skip(FieldError(error.problem, path))
        return {}
    for pair, pair_path in _objects(resource, "attributes", path, on_skip):
        try:
            key, value = key_value(pair)
        except FieldError as error:
            on_skip(error.within(pair_path))
        else:
            result[key] = value
    return result


def _scope(owner: Json, path: str, on_skip: OnSkip) -> str:
    try:
        return optional(owner, "scope", lambda scope: optional(json_object(scope), "name", text, ""), "")
    except FieldError as error:
        on_skip(error.within(path))
        return ""


def _span(span: Json, source: TelemetrySource, *_: object) -> Iterable[Span]:
    yield Span(
        source=source,
        trace_id=required(span, "traceId", hex_id),
        span_id=required(span, "spanId", hex_id),
        parent_id=optional(span, "parentSpanId", hex_id, ""),
        name=optional(span, "name", text, ""),
        kind=optional(span, "kind", _KIND, ""),
        start=required(span, "startTimeUnixNano", time),
        end=required(span, "endTimeUnixNano", time),
        attributes=attributes(span),
        events=tuple(each(span, "events", _event)),
        links=tuple(each(span, "links", _link)),
        status=optional(span, "status", _status, "unset"),
    )


def _status(value: Any) -> str:
    return optional(json_object(value), "code", _STATUS, "unset")


def _event(value: Any) -> Event:
    event = json_object(value)
    return Event(optional(event, "name", text, ""), required(event, "timeUnixNano", time), attributes(event))


def _link(value: Any) -> Link:
    link = json_object(value)
    return Link(required(link, "traceId", hex_id), required(link, "spanId", hex_id), attributes(link))


def _log_record(record: Json, source: TelemetrySource, *_: object) -> Iterable[LogRecord]:
    yield LogRecord(
        source=source,
        event_name=optional(record, "eventName", text, ""),
        # A record without a time of its own was emitted just before it was observed.
        time=optional(record, "timeUnixNano", time, 0) or optional(record, "observedTimeUnixNano", time, 0),
        severity=optional(record, "severityNumber", severity, 0),
        body=optional(record, "body", any_value, None),
        attributes=attributes(record),
        trace_id=optional(record, "traceId", hex_id, ""),
        span_id=optional(record, "spanId", hex_id, ""),
    )


def _data_points(metric: Json, source: TelemetrySource, on_skip: OnSkip, path: str) -> Iterator[DataPoint]:
    name, unit = required(metric, "name", text), optional(metric, "unit", text, "")
    for shape, instrument in _INSTRUMENTS.items():
        data: Json = optional(metric, shape, json_object, {})
        is_up_down = shape == "sum" and not optional(data, "isMonotonic", boolean, default=False)
        is_delta = optional(data, "aggregationTemporality", _TEMPORALITY, "") == "delta"
        for point, point_path in _objects(data, "dataPoints", f"{path}.{shape}", on_skip):
            try:
                yield DataPoint(
                    source=source,
                    metric=name,
                    unit=unit,
                    instrument="updowncounter" if is_up_down else instrument,
                    is_delta=is_delta,
                    time=required(point, "timeUnixNano", time),
                    attributes=attributes(point),
                    value=_point_value(point),
                )
            except FieldError as error:
                on_skip(error.within(point_path))


def _point_value(point: Json) -> float:
    for name, read in _POINT_VALUES.items():
        if point.get(name) is not None:
            return required(point, name, read)
    return 0


_POINT_VALUES: Final[Mapping[str, Callable[[Any], float]]] = {
    "asInt": integer,
    "asDouble": number,
    "count": integer,
}
_SIGNALS: Final[
    tuple[tuple[str, str, str, Callable[[Json, TelemetrySource, OnSkip, str], Iterable[TelemetryRecord]]], ...]
] = (
    ("resourceSpans", "scopeSpans", "spans", _span),
    ("resourceLogs", "scopeLogs", "logRecords", _log_record),
    ("resourceMetrics", "scopeMetrics", "metrics", _data_points),
)
_RESOURCES: Final = {resources for resources, *_ in _SIGNALS}
