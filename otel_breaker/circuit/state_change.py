"""State changes, as listeners receive them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_breaker.core.rules import Counts
    from otel_breaker.core.states import CircuitState, Reason
    from otel_breaker.settings import Mode


@dataclass(frozen=True)
class StateChange:
    """One change of state of one circuit, and why."""

    name: str
    key: str | None
    from_state: CircuitState
    to_state: CircuitState
    reason: Reason
    mode: Mode
    episode: str | None
    """Identifies everything from one opening to the recovery."""
    timestamp: float
    """Seconds since the epoch."""
    counts: Counts
    """The counts of the calls before it."""
    threshold: float | None = None
    """The threshold that was reached, when a rule tripped the circuit."""
    error_types: tuple[str, ...] = ()
    """The failures that an opening is due to, as `type=count`; bounded."""
    open_time: float | None = None
    """Seconds until probing, when the circuit opened."""
    failed_recoveries: int = 0
    """Failed recoveries in this episode."""
    open_duration: float | None = None
    """Seconds since the first opening, when the circuit closed."""
    rejected_calls: int | None = None
    """Calls refused in the episode, when the circuit closed."""
    probes: int | None = None
    """Probes admitted in the episode, when the circuit closed."""
    span_context: object = None
    """The span context of the call that caused or detected it, where that call has a sampled span."""
    overdue_span_context: object = None
    """The span context of the overdue call or expired probe, where another call only detected it."""
    actor: str | None = None
    """Who changed the state by hand."""
    manual_reason: str | None = None
    """Why the state was changed by hand."""
