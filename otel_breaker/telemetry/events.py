"""Emits a log event for each state change, for alerts on logs and for traces that are not sampled.

It goes to OpenTelemetry's logs if they have a pipeline, otherwise to `logging`, never to both. A refusal has no log
event, so that an outage cannot flood the logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry._logs import Logger, SeverityNumber, get_logger
from opentelemetry.context import Context

from otel_breaker import diagnostics
from otel_breaker.core.states import REFUSING_STATES, CircuitState
from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import has_parameter, is_api_default
from otel_breaker.telemetry.change_attributes import describe
from otel_breaker.text import printable
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider

    from otel_breaker.circuit import StateChange

LOGGERS_EMIT_EVENTS: Final = has_parameter(Logger.emit, "event_name")
"""Whether a log event can be emitted without the SDK's own classes (1.38)."""

_LEVELS: Final = {
    SeverityNumber.INFO: diagnostics.INFO,
    SeverityNumber.WARN: diagnostics.WARNING,
    SeverityNumber.ERROR: diagnostics.ERROR,
}
_REPEATED: Final = 2


class EventEmitter:
    """A listener that emits the log event of each state change."""

    def __init__(self) -> None:
        self.is_enabled = True
        self.provider: LoggerProvider | None = None
        """Takes the events; None for the global provider."""

    def __call__(self, change: StateChange) -> None:
        if not self.is_enabled:
            return
        severity, body = _severity(change), _sentence(change)
        logger = get_logger(names.SCOPE, __version__, self.provider) if LOGGERS_EMIT_EVENTS else None
        if logger is None or not _is_enabled(logger, severity):
            diagnostics.state_change(_LEVELS[severity], body)
            return
        span = change.span_context if isinstance(change.span_context, trace.SpanContext) else trace.INVALID_SPAN_CONTEXT
        logger.emit(
            timestamp=round(change.timestamp * 1e9),
            # An empty context would mean the current one, whose span may not have caused the change.
            context=trace.set_span_in_context(trace.NonRecordingSpan(span), Context()),
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=describe(change),
            event_name=names.EVENT_STATE_CHANGE,
        )


EVENT_EMITTER: Final = EventEmitter()
LISTENERS: Final = (EVENT_EMITTER,)
"""The listeners of every breaker."""


def _is_enabled(logger: Logger, severity: SeverityNumber) -> bool:
    """Whether the logger has a pipeline for the event."""
    is_enabled = getattr(logger, "enabled", None)
    if is_enabled is not None:
        return bool(is_enabled(severity_number=severity, event_name=names.EVENT_STATE_CHANGE))
    if is_api_default(logger):
        return False
    # Before 1.45, which added `enabled`, only the SDK's processors show whether it has a pipeline.
    processors = getattr(logger, "_multi_log_record_processor", None)
    return bool(getattr(processors, "_log_record_processors", True))


def _severity(change: StateChange) -> SeverityNumber:
    if change.to_state not in REFUSING_STATES:
        return SeverityNumber.INFO
    failed_again = change.from_state is CircuitState.HALF_OPEN and change.failed_recoveries >= _REPEATED
    return SeverityNumber.ERROR if failed_again else SeverityNumber.WARN


def _sentence(change: StateChange) -> str:
    """The change in one line, for people."""
    named = repr(change.name) if change.key is None else f"{change.name!r} for {change.key!r}"
    text = f"circuit breaker {named}: {change.from_state.value} -> {change.to_state.value} ({change.reason.value}"
    text += f" by {change.actor}" if change.actor else ""
    text += f": {change.manual_reason})" if change.manual_reason else ")"
    if change.error_types:
        text += f", failures: {', '.join(change.error_types)}"
    if change.open_time is not None:
        text += f", probing in {change.open_time:.3g} s"
    if change.open_duration is not None:
        text += f", after {change.open_duration:.3g} s and {change.rejected_calls} refused calls"
    return printable(text)  # actor and reason may come from a command line
