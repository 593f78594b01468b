"""State overrides: an operator's configuration forces all circuits of a name open, or closed, while it is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker.core.states import CircuitState
from otel_breaker.text import operator_text

if TYPE_CHECKING:
    from otel_breaker.breaker import CircuitBreaker


STATES: Final = (CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED)
"""The states that an override can force."""


class StateOverride(NamedTuple):
    """Keeps circuits in a state.

    Args:
        state: forced open or forced closed.
        actor: who forces it, for telemetry and `snapshot`.
        reason: why.
    """

    state: CircuitState
    actor: str
    reason: str | None = None

    def apply(self, breaker: CircuitBreaker) -> None:
        """Force a circuit into the state; does nothing when it is there already."""
        force = breaker.force_open if self.state is CircuitState.FORCED_OPEN else breaker.force_closed
        force(reason=self.reason, actor=self.actor)

    def lift(self, breaker: CircuitBreaker) -> None:
        """Close a circuit again, unless another actor has changed its state since."""
        seen = breaker.snapshot()
        if (seen.state, seen.actor) == (self.state, operator_text(self.actor)):
            breaker.reset(reason="override lifted", actor=self.actor)


def replace_override(breaker: CircuitBreaker, before: StateOverride | None, after: StateOverride | None) -> None:
    """Lift an override of a circuit and apply another; either may be None."""
    if before == after:
        return
    if before is not None and (after is None or after.state is before.state):
        before.lift(breaker)  # the same state by another override: telemetry must show the new actor and reason
    if after is not None:
        after.apply(breaker)
