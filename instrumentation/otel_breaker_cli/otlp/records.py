"""Telemetry of every signal as small frozen records: `parse` makes them and the commands read them.

They hold what OTLP defines and nothing of circuit breakers. Times are nanoseconds since the epoch, ids lower-case
hexadecimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Attributes: TypeAlias = Mapping[str, Any]
"""Values are `str`, `bool`, `int`, `float`, `bytes`, lists of these, mappings, or None for an empty value."""


@dataclass(frozen=True)
class TelemetrySource:
    """The process and the instrumentation scope that a record comes from."""

    resource: Attributes
    """The attributes of the process: `service.name` and the like."""
    scope: str
    """The name of the instrumentation scope, empty when it has none."""


@dataclass(frozen=True)
class Event:
    """An event of a span."""

    name: str
    time: int
    attributes: Attributes


@dataclass(frozen=True)
class Link:
    """A span that another one links to."""

    trace_id: str
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
    """`internal`, `server`, `client`, `producer`, `consumer`, or empty when it is not set."""
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
    """Empty when it is no event."""
    time: int
    severity: int
    """OpenTelemetry's severity number; 0 when it is not set."""
    body: Any
    attributes: Attributes
    trace_id: str
    """Of the span in which it was emitted, or empty; so is `span_id`."""
    span_id: str


@dataclass(frozen=True)
class DataPoint:
    """One data point of a metric."""

    source: TelemetrySource
    metric: str
    unit: str
    instrument: str
    """`counter`, `updowncounter`, `gauge`, `histogram`, `exponential_histogram` or `summary`."""
    is_delta: bool
    """Whether the value counts from the data point before, and not from the start."""
    time: int
    attributes: Attributes
    value: float
    """Of a histogram or a summary, how many values were recorded."""


TelemetryRecord: TypeAlias = Span | LogRecord | DataPoint
