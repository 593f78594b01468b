"""Operators' commands: they wait in a queue, which the circuit empties at each release of its lock.

A signal handler may give a command while its own thread is in the middle of a decision. The queue lets it return at
once, and the decision be made as a whole.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.core.transition import Transition


class OperatorCommand(NamedTuple):
    """A command of an operator."""

    trigger: Callable[[float], Transition | None]
    """The method of the machine that it calls, with the time."""
    reason: str | None
    actor: str | None
    span_context: object
    """The span in which it was given."""


class CommandQueue:
    """The commands to one circuit that are not carried out yet, in their order.

    Args:
        carry_out_locked: carries out one command at a time; under the circuit's lock.
    """

    __slots__ = ("_carry_out_locked", "waiting")

    def __init__(self, carry_out_locked: Callable[[OperatorCommand, float], None]) -> None:
        self.waiting: deque[OperatorCommand] = deque()
        self._carry_out_locked = carry_out_locked

    def run_locked(self, now: float) -> None:
        """Carry out what waits; under the circuit's lock, so that each command is carried out once."""
        while self.waiting:
            self._carry_out_locked(self.waiting.popleft(), now)
