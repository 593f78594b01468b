"""An operator's standing order: all circuits of a name are forced open, or closed, for as long as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CircuitState
from otel_breaker.text import noted

if TYPE_CHECKING:
    from otel_breaker.breaker import CircuitBreaker

STATES: Final = (CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED)
"""What can be ordered."""


@dataclass(frozen=True)
class StateOverride:
    """Keeps circuits in a state.

    Args:
        state: forced open or forced closed.
        actor: who ordered it, for telemetry and `snapshot`.
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
        """Close a circuit again; one that somebody else has moved since is left alone."""
        seen = breaker.snapshot()
        if (seen.state, seen.forced_by) == (self.state, noted(self.actor)):
            breaker.reset(reason="no longer ordered", actor=self.actor)


def replace_override(breaker: CircuitBreaker, before: StateOverride | None, after: StateOverride | None) -> None:
    """Let a circuit obey another order than before, or none."""
    if before == after:
        return
    if before is not None and (after is None or after.state is before.state):
        before.lift(breaker)  # the same state by another order: whoever looks must see who it is now, and why
    if after is not None:
        after.apply(breaker)
