"""One line of OTLP in JSON as records.

It follows the specification of OTLP/JSON, and bears with what writers differ in: ids may be hexadecimal or base64,
members of enumerations numbers or names, 64-bit integers text or numbers.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_instrumentation.cli.otlp.records import Event, Link, Log, Origin, Point, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_breaker_instrumentation.cli.otlp.records import Attributes, Record

Json = dict[str, Any]

_KINDS: Final = dict(enumerate(("", "internal", "server", "client", "producer", "consumer")))
_STATUSES: Final = {0: "unset", 1: "ok", 2: "error"}
_LATEST: Final = 2**64
_LARGEST: Final = 2**63
_DELTA: Final = (1, "AGGREGATION_TEMPORALITY_DELTA")
_INSTRUMENTS: Final = {
    "sum": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")


def parse(line: bytes) -> list[Record]:
    """Read one line: an export request of any signal.

    Raises:
        ValueError: when it is not JSON, or no OTLP; it says what is wrong.
    """
    try:
        return list(_records(json.loads(line)))
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is missing") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except (AttributeError, TypeError) as error:
        raise ValueError(f"it is no OTLP: {error}") from error


def _records(content: Json) -> Iterator[Record]:
    if not content.keys() & _RESOURCES:
        raise ValueError(f"there is none of {', '.join(sorted(_RESOURCES))} in it")
    for resources, scopes, items, read in _SIGNALS:
        for resource in content.get(resources) or ():
            described = _attributes(resource.get("resource") or {})
            for scope in resource.get(scopes) or ():
                origin = Origin(described, (scope.get("scope") or {}).get("name", ""))
                for item in scope.get(items) or ():
                    yield from read(item, origin)


def _span(span: Json, origin: Origin) -> Iterator[Span]:
    yield Span(
        origin=origin,
        trace_id=_id(span["traceId"]),
        span_id=_id(span["spanId"]),
        parent_id=_id(span.get("parentSpanId", "")),
        name=span.get("name", ""),
        kind=_member(span.get("kind", 0), "SPAN_KIND_", _KINDS),
        start=_time(span["startTimeUnixNano"]),
        end=_time(span["endTimeUnixNano"]),
        attributes=_attributes(span),
        events=tuple(
            Event(event.get("name", ""), _time(event["timeUnixNano"]), _attributes(event))
            for event in span.get("events") or ()
        ),
        links=tuple(
            Link(_id(link["traceId"]), _id(link["spanId"]), _attributes(link)) for link in span.get("links") or ()
        ),
        status=_member((span.get("status") or {}).get("code", 0), "STATUS_CODE_", _STATUSES),
    )


def _log(log: Json, origin: Origin) -> Iterator[Log]:
    yield Log(
        origin=origin,
        event=log.get("eventName", ""),
        # A record without a time of its own was made just before it was observed.
        time=_time(log.get("timeUnixNano") or 0) or _time(log.get("observedTimeUnixNano") or 0),
        severity=_severity(log.get("severityNumber", 0)),
        severity_text=log.get("severityText", ""),
        body=_value(log.get("body") or {}),
        attributes=_attributes(log),
        trace_id=_id(log.get("traceId", "")),
        span_id=_id(log.get("spanId", "")),
    )


def _points(metric: Json, origin: Origin) -> Iterator[Point]:
    for shape, instrument in _INSTRUMENTS.items():
        data = metric.get(shape) or {}
        is_up_down = shape == "sum" and not data.get("isMonotonic", False)
        for point in data.get("dataPoints") or ():
            yield Point(
                origin=origin,
                metric=metric["name"],
                unit=metric.get("unit", ""),
                instrument="updowncounter" if is_up_down else instrument,
                is_delta=data.get("aggregationTemporality") in _DELTA,
                time=_time(point["timeUnixNano"]),
                attributes=_attributes(point),
                value=_number(point),
            )


_SIGNALS: Final[tuple[tuple[str, str, str, Callable[[Json, Origin], Iterator[Record]]], ...]] = (
    ("resourceSpans", "scopeSpans", "spans", _span),
    ("resourceLogs", "scopeLogs", "logRecords", _log),
    ("resourceMetrics", "scopeMetrics", "metrics", _points),
)
_RESOURCES: Final = {resources for resources, *_ in _SIGNALS}


def _time(said: int | str) -> int:
    if 0 <= (nanoseconds := int(said)) < _LATEST:
        return nanoseconds
    raise ValueError(f"{nanoseconds} is no time")


def _integer(said: int | str) -> int:
    """64 bits do not fit a JSON number, so OTLP writes them as text."""
    if abs(number := int(said)) <= _LARGEST:
        return number
    raise ValueError(f"{number} is larger than 64 bits")


def _number(point: Json) -> float:
    if "asInt" in point:
        return _integer(point["asInt"])
    return float(point["asDouble"]) if "asDouble" in point else _integer(point.get("count", 0))


def _attributes(owner: Json) -> Attributes:
    return {entry["key"]: _value(entry.get("value") or {}) for entry in owner.get("attributes") or ()}


def _value(value: Json) -> Any:
    if "intValue" in value:
        return _integer(value["intValue"])
    if "doubleValue" in value:
        return float(value["doubleValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values") or ()]
    if "kvlistValue" in value:
        return {entry["key"]: _value(entry.get("value") or {}) for entry in value["kvlistValue"].get("values") or ()}
    if "bytesValue" in value:
        return base64.b64decode(value["bytesValue"])
    return next(iter(value.values()), None)


def _id(text: str) -> str:
    """An id in lower-case hexadecimal; empty for none, which some writers say with zeros."""
    found = text.lower() if not text or _HEXADECIMAL.fullmatch(text) else base64.b64decode(text, validate=True).hex()
    return found if found.strip("0") else ""


def _member(said: int | str, prefix: str, names: Mapping[int, str]) -> str:
    """The plain name of an enumeration member, however it was written."""
    if isinstance(said, str):
        said = next((number for number, name in names.items() if said == prefix + (name or "unspecified").upper()), 0)
    return names.get(said, "")


def _severity(said: int | str) -> int:
    if isinstance(said, int):
        return said
    found = re.fullmatch(r"SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)", said)
    if not found:
        return 0
    return 4 * ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL").index(found[1]) + int(found[2] or 1)
