"""One document of OTLP/JSON, an export request of any signal, as records.

What OTLP does not allow costs the record that it is in, and of a resource the attribute; `fields` knows the types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_breaker_cli.otlp.fields import (
    FieldError,
    Json,
    an_object,
    each,
    flag,
    identity,
    integer,
    items,
    member,
    number,
    optional,
    required,
    severity,
    text,
    time,
)
from otel_breaker_cli.otlp.records import DataPoint, Event, Link, LogRecord, Span, TelemetrySource
from otel_breaker_cli.otlp.values import attribute, attributes, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otel_breaker_cli.otlp.records import TelemetryRecord

_KIND: Final = member("SPAN_KIND_", dict(enumerate(("", "internal", "server", "client", "producer", "consumer"))))
_STATUS: Final = member("STATUS_CODE_", {0: "unset", 1: "ok", 2: "error"})
_TEMPORALITY: Final = member("AGGREGATION_TEMPORALITY_", {0: "", 1: "delta", 2: "cumulative"})
_INSTRUMENTS: Final = {
    "sum": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}


def parse(document: Any, skipped: Callable[[FieldError], None]) -> Iterator[TelemetryRecord]:
    """Read one document: an export request of any signal.

    Args:
        document: what JSON made of it.
        skipped: told of each record, or attribute of a resource, that is left out.

    Raises:
        Misfit: when it is no OTLP.
    """
    if type(document) is not dict:
        raise FieldError("it is no OTLP: it is no object")
    if not document.keys() & _RESOURCES:
        raise FieldError(f"it is no OTLP: there is none of {', '.join(sorted(_RESOURCES))} in it")
    for resources, scopes, entries, read in _SIGNALS:
        for resource, here in _objects(document, resources, "", skipped):
            described = _resource(resource, f"{here}.resource", skipped)
            for scope, there in _objects(resource, scopes, here, skipped):
                origin = TelemetrySource(described, _scope(scope, there, skipped))
                for entry, place in _objects(scope, entries, there, skipped):
                    try:
                        records = list(read(entry, origin, skipped, place))
                    except FieldError as misfit:
                        skipped(misfit.within(place))
                    else:
                        yield from records


def _objects(owner: Json, name: str, place: str, skipped: Callable[[FieldError], None]) -> Iterator[tuple[Json, str]]:
    """The objects of a list, each with its path; what is none is skipped."""
    path = f"{place}.{name}" if place else name
    try:
        found: list[Any] = optional(owner, name, items, [])
    except FieldError as misfit:
        skipped(FieldError(misfit.problem, path))
        return
    for index, entry in enumerate(found):
        if type(entry) is dict:
            yield entry, f"{path}[{index}]"
        else:
            skipped(FieldError("it is no object", f"{path}[{index}]"))


def _resource(owner: Json, place: str, skipped: Callable[[FieldError], None]) -> dict[str, Any]:
    """What a process says of itself; one bad attribute is no reason to lose all that it did."""
    found = {}
    try:
        resource: Json = optional(owner, "resource", an_object, {})
    except FieldError as misfit:
        skipped(FieldError(misfit.problem, place))
        return {}
    for entry, path in _objects(resource, "attributes", place, skipped):
        try:
            key, said = attribute(entry)
        except FieldError as misfit:
            skipped(misfit.within(path))
        else:
            found[key] = said
    return found


def _scope(owner: Json, place: str, skipped: Callable[[FieldError], None]) -> str:
    try:
        return optional(owner, "scope", lambda said: optional(an_object(said), "name", text, ""), "")
    except FieldError as misfit:
        skipped(misfit.within(place))
        return ""


def _span(span: Json, origin: TelemetrySource, *_: object) -> Iterable[Span]:
    yield Span(
        source=origin,
        trace_id=required(span, "traceId", identity),
        span_id=required(span, "spanId", identity),
        parent_id=optional(span, "parentSpanId", identity, ""),
        name=optional(span, "name", text, ""),
        kind=optional(span, "kind", _KIND, ""),
        start=required(span, "startTimeUnixNano", time),
        end=required(span, "endTimeUnixNano", time),
        attributes=attributes(span),
        events=tuple(each(span, "events", _event)),
        links=tuple(each(span, "links", _link)),
        status=optional(span, "status", _status, "unset"),
    )


def _status(said: Any) -> str:
    return optional(an_object(said), "code", _STATUS, "unset")


def _event(said: Any) -> Event:
    event = an_object(said)
    return Event(optional(event, "name", text, ""), required(event, "timeUnixNano", time), attributes(event))


def _link(said: Any) -> Link:
    link = an_object(said)
    return Link(required(link, "traceId", identity), required(link, "spanId", identity), attributes(link))


def _log(log: Json, origin: TelemetrySource, *_: object) -> Iterable[LogRecord]:
    yield LogRecord(
        source=origin,
        event_name=optional(log, "eventName", text, ""),
        # A record without a time of its own was made just before it was observed.
        time=optional(log, "timeUnixNano", time, 0) or optional(log, "observedTimeUnixNano", time, 0),
        severity=optional(log, "severityNumber", severity, 0),
        severity_text=optional(log, "severityText", text, ""),
        body=optional(log, "body", value, None),
        attributes=attributes(log),
        trace_id=optional(log, "traceId", identity, ""),
        span_id=optional(log, "spanId", identity, ""),
    )


def _points(
    metric: Json, origin: TelemetrySource, skipped: Callable[[FieldError], None], place: str
) -> Iterator[DataPoint]:
    name, unit = required(metric, "name", text), optional(metric, "unit", text, "")
    for shape, instrument in _INSTRUMENTS.items():
        data: Json = optional(metric, shape, an_object, {})
        is_up_down = shape == "sum" and not optional(data, "isMonotonic", flag, default=False)
        is_delta = optional(data, "aggregationTemporality", _TEMPORALITY, "") == "delta"
        for point, path in _objects(data, "dataPoints", f"{place}.{shape}", skipped):
            try:
                yield DataPoint(
                    source=origin,
                    metric=name,
                    unit=unit,
                    instrument="updowncounter" if is_up_down else instrument,
                    is_delta=is_delta,
                    time=required(point, "timeUnixNano", time),
                    attributes=attributes(point),
                    value=_measured(point),
                )
            except FieldError as misfit:
                skipped(misfit.within(path))


def _measured(point: Json) -> float:
    for name, read in _MEASURES.items():
        if point.get(name) is not None:
            return required(point, name, read)
    return 0


_MEASURES: Final[Mapping[str, Callable[[Any], float]]] = {"asInt": integer, "asDouble": number, "count": integer}
_SIGNALS: Final[
    tuple[
        tuple[
            str,
            str,
            str,
            Callable[[Json, TelemetrySource, Callable[[FieldError], None], str], Iterable[TelemetryRecord]],
        ],
        ...,
    ]
] = (
    ("resourceSpans", "scopeSpans", "spans", _span),
    ("resourceLogs", "scopeLogs", "logRecords", _log),
    ("resourceMetrics", "scopeMetrics", "metrics", _points),
)
_RESOURCES: Final = {resources for resources, *_ in _SIGNALS}
