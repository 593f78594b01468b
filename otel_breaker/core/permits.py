"""What an admitted call holds. A permit is data: its machine decides whether the call's result still counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CLOSED, HALF_OPEN, CircuitState

if TYPE_CHECKING:
    from collections.abc import Hashable

    from typing_extensions import Self

    from otel_breaker.core.states import RejectionReason
    from otel_breaker.core.windows import Window

NO_GENERATION: Final = -1


class Permit:
    """The admission of one call: `can_execute` returns it, `record_success` or `record_failure` settles it.

    All calls of a closed circuit share one permit. A probe has a permit of its own, which is a lease: it expires at
    `deadline`. Only the circuit reads and writes the attributes.
    """

    # Each timed call makes a permit: there is no `__init__`, and attributes that few calls need default in the class.
    __slots__ = ("__dict__", "failure_count", "generation", "started")

    if TYPE_CHECKING:
        generation: int
        """The generation in which its result counts; NO_GENERATION when it never does."""
        failure_count: int
        """The failures that the circuit had counted at admission."""
        started: float | None
        """Monotonic seconds at the start of the call; None where its duration does not matter."""

    state: CircuitState = CLOSED
    """The state at admission."""
    is_shared: bool = False
    """Whether many calls hold it at once."""
    deadline: float | None = None
    """Monotonic seconds at which the lease of a probe expires."""
    owner: Hashable = None
    """What runs the call, where nested calls may pass as part of its probe."""
    window_slot: tuple[Window, int] | None = None
    """The window that counted the call as overdue, and the call's slot in it."""
    span_context: object = None
    """Identifies the call's span, for links to it."""
    is_forgotten: bool = False
    """Whether only its holder remembers that its outcome is not recorded."""
    shadowed: RejectionReason | None = None
    """Why the call would have been refused if the breaker's mode were `enforce`."""

    @property
    def takes_place(self) -> bool:
        """Whether the call counts against the limit of calls in flight: not as part of a probe, nor when shadowed."""
        return self.shadowed is None and not (self.state is HALF_OPEN and self.deadline is None)

    @classmethod
    def of(cls, generation: int, state: CircuitState, failure_count: int = 0, started: float | None = None) -> Self:
        """Make a permit; for the circuit's use."""
        permit = cls()
        permit.generation, permit.state = generation, state
        permit.failure_count, permit.started = failure_count, started
        return permit


class SharedPermit(Permit):
    """The permit of all calls of a closed circuit."""

    __slots__ = ()

    is_shared = True
