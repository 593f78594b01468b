"""The attributes of a state change, the same on its span event and its log event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import CircuitState
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import StateChange


def describe(change: StateChange) -> dict[str, AttributeValue]:
    """States and reason; of an opening also its evidence, of a recovery the totals of the episode."""
    attributes: dict[str, AttributeValue | None] = {
        names.NAME: change.name,
        names.KEY: change.key,
        names.MODE: change.mode.value,
        names.EPISODE: change.episode,
        names.STATE_CHANGE_FROM: change.from_state.value,
        names.STATE_CHANGE_TO: change.to_state.value,
        names.STATE_CHANGE_REASON: change.reason.value,
        names.OPEN_DURATION: change.open_duration,
        names.OPEN_REJECTED_CALLS: change.rejected_calls,
        names.OPEN_PROBES: change.probes,
    }
    if change.to_state is CircuitState.OPEN:
        attributes |= {
            names.CONSECUTIVE_FAILURES: change.counts.consecutive_failures,
            names.WINDOW_CALLS: change.counts.window_calls,
            names.WINDOW_FAILURES: change.counts.window_failures,
            names.WINDOW_SLOW_CALLS: change.counts.window_slow,
            names.THRESHOLD: None if change.threshold is None else float(change.threshold),
            names.ERROR_TYPES: change.error_types or None,
            names.OPEN_PLANNED_DURATION: change.open_time,
        }
    return {name: value for name, value in attributes.items() if value is not None}
