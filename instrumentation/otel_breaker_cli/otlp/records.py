"""Telemetry as small frozen records, of every signal: what `parse` makes and the commands look at.

They hold what OTLP says and nothing of circuit breakers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Attributes: TypeAlias = Mapping[str, Any]
"""Values are `str`, `bool`, `int`, `float`, `bytes`, lists of these, mappings, or None for an empty value."""


@dataclass(frozen=True)
class TelemetrySource:
    """Where a record comes from."""

    resource: Attributes
    """What the process says of itself: `service.name` and the like."""
    scope: str
    """The name of the instrumentation scope, empty when it has none."""


@dataclass(frozen=True)
class Event:
    """Something that happened during a span."""

    name: str
    time: int
    """Nanoseconds since the epoch, as all times here."""
    attributes: Attributes


@dataclass(frozen=True)
class Link:
    """A span that another one points at."""

    trace_id: str
    """In lower-case hexadecimal, as all ids here."""
    span_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    source: TelemetrySource
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the root of a trace."""
    name: str
    kind: str
    """`internal`, `server`, `client`, `producer`, `consumer`, or empty when it is not said."""
    start: int
    end: int
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    status: str
    """`unset`, `ok` or `error`."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1e9

    @property
    def failed(self) -> bool:
        return self.status == "error"


@dataclass(frozen=True)
class LogRecord:
    """A log record; an event when it has an event name."""

    source: TelemetrySource
    event_name: str
    """The event's name, or empty."""
    time: int
    severity: int
    """OpenTelemetry's severity number; 0 when it is not said."""
    severity_text: str
    body: Any
    attributes: Attributes
    trace_id: str
    """Of the span that it was made in, or empty; so is `span_id`."""
    span_id: str


@dataclass(frozen=True)
class DataPoint:
    """One measured value of a metric."""

    source: TelemetrySource
    metric: str
    unit: str
    instrument: str
    """`counter`, `updowncounter`, `gauge`, `histogram`, `exponential_histogram` or `summary`."""
    is_delta: bool
    """Whether the value counts from the point before and not from the start."""
    time: int
    attributes: Attributes
    value: float
    """Of a histogram or a summary, how many values were measured."""


TelemetryRecord: TypeAlias = Span | LogRecord | DataPoint
