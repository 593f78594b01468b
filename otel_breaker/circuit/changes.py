"""State changes that wait for delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker.circuit.state_change import StateChange


class PendingChange:
    """A state change in the dispatcher's queue; delivered only when it is complete."""

    __slots__ = ("change", "is_complete")

    def __init__(self, change: StateChange, *, is_complete: bool) -> None:
        self.change = change
        self.is_complete = is_complete


NO_CHANGES: Final[Sequence[PendingChange]] = ()
