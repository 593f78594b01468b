"""The settings of telemetry: which signals are exported of calls and state changes.

How they act is not known here; see telemetry/configuration.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypedDict

from otel_breaker.settings import readers
from otel_breaker.settings.fields import SettingsFields, setting


class Spans(Enum):
    """Which calls get a span."""

    ALL = "all"
    """Every call."""
    PROBLEMS = "problems"
    """Calls that failed, were slow, cancelled or refused, probes, and calls that changed a circuit's state."""
    OFF = "off"
    """No call."""


class Events(Enum):
    """Where a state change is exported."""

    SPAN = "span"
    """On the span of the call that caused it."""
    LOG = "log"
    """As a log event."""
    BOTH = "both"


class TelemetryKeywords(TypedDict, total=False):
    """The telemetry settings as keyword arguments; the configuration file has the same names."""

    spans: Literal["all", "problems", "off"] | Spans
    """`all`; `problems`: of failed, slow, cancelled and refused calls, probes and calls that changed a circuit's state;
    a call that becomes a problem only after its start has a span made at its end, with its true start and without
    children; `off`: none, for metrics only.
    """
    events: Literal["span", "log", "both"] | Events
    """State changes as `span` events, as `log` events, or `both`."""
    rejected_span_limit: int | None
    """Spans of refused calls per second and circuit; all refused calls are counted."""
    duration_histogram: bool
    """The metric `circuit_breaker.call.duration`, with exemplars where spans are sampled."""
    record_exceptions: bool
    """Exceptions as span events, with their text and traceback, which may hold secrets."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TelemetrySettings(SettingsFields):
    """All telemetry settings, checked.

    Raises:
        InvalidSettings: naming the setting, its value and what is allowed.
    """

    spans: Spans = setting(
        Spans.ALL,
        readers.choice(Spans),
        "`all`; `problems`: of failed, slow, cancelled and refused calls, probes and calls that changed a"
        " circuit's state; a call that becomes a problem only after its start has a span made at its end, with its true"
        " start and without children; `off`: none, for metrics only.",
        "problems",
    )
    """`all`; `problems`: of failed, slow, cancelled and refused calls, probes and calls that changed a circuit's state;
    a call that becomes a problem only after its start has a span made at its end, with its true start and without
    children; `off`: none, for metrics only.
    """
    events: Events = setting(
        Events.BOTH, readers.choice(Events), "State changes as `span` events, as `log` events, or `both`.", "log"
    )
    """State changes as `span` events, as `log` events, or `both`."""
    rejected_span_limit: int | None = setting(
        None, readers.limit, "Spans of refused calls per second and circuit; all refused calls are counted.", "10"
    )
    """Spans of refused calls per second and circuit; all refused calls are counted."""
    duration_histogram: bool = setting(
        False,
        readers.flag,
        "The metric `circuit_breaker.call.duration`, with exemplars where spans are sampled.",
        "true",
    )
    """The metric `circuit_breaker.call.duration`, with exemplars where spans are sampled."""
    record_exceptions: bool = setting(
        False, readers.flag, "Exceptions as span events, with their text and traceback, which may hold secrets.", "true"
    )
    """Exceptions as span events, with their text and traceback, which may hold secrets."""
