"""Reads the attributes of the breakers' telemetry into records of an episode, bounded and printable.

Anybody may have written the files, so a value of another type than the schema's is left out.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import RejectionReason
from otel_breaker.telemetry import names
from otel_breaker_cli.incident.episode import RecordedCall, RecordedStateChange
from otel_breaker_cli.incident.model import CircuitIdentity, ServiceInstance
from otel_breaker_cli.incident.wording import safe_text

if TYPE_CHECKING:
    from otel_breaker_cli.otlp import Attributes, Span, TelemetrySource

_NUMERIC_EVIDENCE: Final = {
    names.CONSECUTIVE_FAILURES,
    names.WINDOW_CALLS,
    names.WINDOW_FAILURES,
    names.WINDOW_SLOW_CALLS,
    names.THRESHOLD,
    names.OPEN_PLANNED_DURATION,
    names.OPEN_DURATION,
    names.OPEN_REJECTED_CALLS,
    names.OPEN_PROBES,
}
_REJECTION_REASONS: Final = frozenset(reason.value for reason in RejectionReason)


def service_instance(source: TelemetrySource) -> ServiceInstance:
    """The process that a record comes from.

    Most SDKs set no instance id by default; the host and the process id replace it.
    """
    resource = source.resource
    host = resource.get("k8s.pod.name") or resource.get("host.name")
    parts = [host, resource.get("process.pid")]
    instance = resource.get("service.instance.id") or " ".join(str(part) for part in parts if part is not None)
    return ServiceInstance(safe_text(resource.get("service.name", "")), safe_text(instance))


def circuit_identity(source: TelemetrySource, attributes: Attributes) -> CircuitIdentity:
    name, key = safe_text(attributes[names.NAME]), safe_text(attributes.get(names.KEY, ""))
    return CircuitIdentity(name, key, service_instance(source))


def recorded_call(span: Span) -> RecordedCall:
    attributes = span.attributes
    return RecordedCall(
        trace_id=span.trace_id,
        span_id=span.span_id,
        start=span.start,
        seconds=span.seconds,
        state=safe_text(attributes.get(names.STATE, "")),
        outcome=safe_text(attributes.get(names.CALL_OUTCOME, "")),
        error_type=safe_text(attributes.get(names.ERROR_TYPE, "")),
        linked_span=(span.links[0].trace_id, span.links[0].span_id) if span.links else None,
        rejection_reason=reason if (reason := attributes.get(names.REJECTION_REASON)) in _REJECTION_REASONS else "",
    )


def recorded_state_change(
    attributes: Attributes,
    time: int,
    trace_id: str,
    span_id: str,
    *,
    message: str = "",
    call: RecordedCall | None = None,
) -> RecordedStateChange:
    """The state change of an event.

    Args:
        attributes: of the event of a span, or of the log event.
        time: nanoseconds since the epoch.
        trace_id: of the call that caused it; empty for none.
        span_id: likewise.
        message: the body of the log event.
        call: the call that caused it, where its span is known.
    """
    return RecordedStateChange(
        time=time,
        from_state=safe_text(attributes.get(names.STATE_CHANGE_FROM, "")),
        to_state=safe_text(attributes.get(names.STATE_CHANGE_TO, "")),
        reason=safe_text(attributes.get(names.STATE_CHANGE_REASON, "")),
        episode=safe_text(attributes.get(names.EPISODE, "")),
        mode=safe_text(attributes.get(names.MODE, "")),
        trace_id=trace_id,
        span_id=span_id,
        evidence=_evidence(attributes),
        message=message,
        call=call,
    )


def _evidence(attributes: Attributes) -> Attributes:
    numbers = {
        name: attributes[name]
        for name in _NUMERIC_EVIDENCE & attributes.keys()
        if type(attributes[name]) in (int, float)
    }
    errors = attributes.get(names.ERROR_TYPES)
    error_types = {names.ERROR_TYPES: errors} if isinstance(errors, list) else {}
    return {name: value for name, value in numbers.items() if isfinite(value)} | error_types
