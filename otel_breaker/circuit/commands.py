"""Operators' commands: they wait in a queue, which the circuit empties at each release of its lock.

A signal handler may give a command while its own thread is in the middle of a decision. The queue lets it return at
once, and the decision be made as a whole.
"""

from __future__ import annotations

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
