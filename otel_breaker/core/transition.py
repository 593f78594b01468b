"""What the machine returns when its state changes: pure data, with the numbers that explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.rules import Counts
    from otel_breaker.core.states import CircuitState, Reason


class Transition(NamedTuple):
    """One change of state, and why."""

    source: CircuitState
    target: CircuitState
    reason: Reason
    generation: int
    """The generation that begins with it."""
    at: float
    """Monotonic seconds."""
    counts: Counts
    threshold: float | None
    """The rule's, when a rule tripped the circuit."""
    open_time: float | None
    """Seconds until probing, when the circuit opened."""
    overdue: Permit | None
    """The overdue call or expired probe that caused it, when another call only detected that."""
