"""Reads OTLP in JSON lines, as the official file exporter writes it, into small frozen records.

It knows the format and nothing of breakers; what the records mean is said in `facts`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True)
class Link:
    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Span:
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    failed: bool

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1e9


@dataclass(frozen=True)
class Point:
    metric: str
    time: int
    attributes: Attributes
    value: float


KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
ERROR = 2


def read_spans(file: Path) -> list[Span]:
    return [_span(span) for scope in _scopes(file, "resourceSpans", "scopeSpans") for span in scope["spans"]]


def read_points(file: Path) -> list[Point]:
    """The points of sums and gauges, in the order written; histograms have no single value and are left out."""
    return [
        Point(metric["name"], int(point["timeUnixNano"]), _attributes(point), _number(point))
        for scope in _scopes(file, "resourceMetrics", "scopeMetrics")
        for metric in scope["metrics"]
        for point in (metric.get("sum") or metric.get("gauge") or {}).get("dataPoints", ())
    ]


def _scopes(file: Path, resources: str, scopes: str) -> Iterator[Json]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            for resource in json.loads(line)[resources]:
                yield from resource[scopes]


def _span(span: Json) -> Span:
    return Span(
        trace_id=span["traceId"],
        span_id=span["spanId"],
        parent_id=span.get("parentSpanId", ""),
        name=span["name"],
        kind=KINDS.get(span.get("kind", 0), ""),
        start=int(span["startTimeUnixNano"]),
        end=int(span["endTimeUnixNano"]),
        attributes=_attributes(span),
        events=tuple(
            Event(event["name"], int(event["timeUnixNano"]), _attributes(event)) for event in span.get("events", ())
        ),
        links=tuple(Link(link["traceId"], link["spanId"]) for link in span.get("links", ())),
        failed=span.get("status", {}).get("code") == ERROR,
    )


def _attributes(owner: Json) -> Attributes:
    return {entry["key"]: _value(entry["value"]) for entry in owner.get("attributes", ())}


def _value(value: Json) -> Any:
    if "intValue" in value:  # 64 bits do not fit a JSON number, so OTLP writes them as text
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", ())]
    return next(iter(value.values()), None)


def _number(point: Json) -> float:
    return int(point["asInt"]) if "asInt" in point else float(point["asDouble"])
