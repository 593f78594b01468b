"""What an admitted call holds. A permit is data: whether its result still counts is for its machine to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CLOSED, CircuitState

if TYPE_CHECKING:
    from collections.abc import Hashable

    from typing_extensions import Self

    from otel_breaker.core.windows import Window

NO_GENERATION: Final = -1


class Permit:
    """Leave for one call, as `can_execute` gives it and `record_success` or `record_failure` takes it back.

    A closed circuit hands one and the same permit to every call; a probe's permit is its own, and a lease: it
    ends at `deadline`. What it holds is for the circuit to read and write.
    """

    # Where calls are timed, each makes a permit: without `__init__`, and what is not true of most stands in the class.
    __slots__ = ("__dict__", "failure_count", "generation", "started")

    if TYPE_CHECKING:
        generation: int
        """The generation in which its result counts; NO_GENERATION when it never does."""
        failure_count: int
        """How many failures the circuit had counted when this call was admitted."""
        started: float | None
        """When the call began; None where nobody was going to ask."""

    state: CircuitState = CLOSED
    """The state at admission."""
    is_shared: bool = False
    """Whether many calls hold it at once."""
    deadline: float | None = None
    owner: Hashable = None
    window_slot: tuple[Window, int] | None = None
    """Where in which window the call stands, once it was counted as overdue."""
    span_context: object = None
    """Whatever finds the call again, for whoever will want to point at it."""
    unsettled: bool = False
    """Whether its holder has yet to say what became of the call, by hand."""
    shadowed: bool = False
    """Whether it would have been refused, had the breaker been enforced."""

    @classmethod
    def of(cls, generation: int, state: CircuitState, epoch: int = 0, started: float | None = None) -> Self:
        """Make one; for the circuit's use."""
        permit = cls()
        permit.generation, permit.state, permit.failure_count, permit.started = generation, state, epoch, started
        return permit
