"""Attributes, events and links that spans have in common: those of a circuit, and of its state changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Link, Span, SpanContext

from otel_breaker.settings import Mode
from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import SPANS_ADD_LINKS
from otel_breaker.telemetry.change_attributes import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange


def add_circuit_attributes(circuit: Circuit, attributes: dict[str, AttributeValue]) -> Sequence[Link] | None:
    """Add what only some calls have, and return the link to the call that last opened the circuit."""
    if circuit.history.key is not None:
        attributes[names.KEY] = circuit.history.key
    if circuit.settings.mode is not Mode.ENFORCE:
        attributes[names.MODE] = circuit.settings.mode.value
    episode = circuit.episode
    if episode is None:
        return None
    attributes[names.EPISODE] = episode.id
    for target, kind in ((episode.span_context, "opening"), (circuit.history.failure_span_context, "last_failure")):
        if isinstance(target, SpanContext):
            attributes[names.LINK] = kind
            return (Link(target),)
    return None


def add_state_changes(span: Span, changes: Sequence[PendingChange], *, as_events: bool) -> None:
    """Add the state changes to the span of the call that caused them."""
    for pending in changes:
        change = pending.change
        if as_events:
            span.add_event(names.EVENT_STATE_CHANGE, describe(change))
        span.set_attribute(names.STATE_CHANGE_TO, change.to_state.value)
        if change.episode is not None:
            span.set_attribute(names.EPISODE, change.episode)


def link_to_overdue_calls(span: Span, changes: Sequence[PendingChange]) -> None:
    """Link to the overdue calls that caused the state changes which this call has found."""
    if not SPANS_ADD_LINKS:
        return
    own = span.get_span_context()
    for pending in changes:
        overdue = pending.change.overdue_span_context
        if isinstance(overdue, SpanContext) and overdue != own:
            span.add_link(overdue)
