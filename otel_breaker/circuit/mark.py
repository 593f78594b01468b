"""A failure counts once, however many nested calls of one circuit it passes through."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.permits import Permit

_ATTRIBUTE: Final = "__otel_breaker__"


class Mark:
    """What one circuit leaves on exceptions that it has counted.

    The innermost call leaves it; an outer one, admitted before that, finds it. The same object raised by a later call
    is a failure of its own. Only numbers are left, random ones: exceptions are pickled, and then meet other circuits.
    """

    __slots__ = ("_id",)

    def __init__(self) -> None:
        self._id = random.getrandbits(64)

    def is_news(self, error: BaseException, permit: Permit, machine: Machine) -> bool:
        """Whether a failure was not counted yet; if so, it is marked."""
        marks = _marks(error)
        if marks.get(self._id, -1) > permit.epoch:
            return False
        if permit.generation == machine.generation:
            marks[self._id] = machine.epoch + 1
        return True

    def leave(self, error: BaseException, epoch: int) -> None:
        """Mark a failure as counted."""
        _marks(error)[self._id] = epoch


def _marks(error: BaseException) -> dict[int, int]:
    marks: dict[int, int] = error.__dict__.setdefault(_ATTRIBUTE, {})
    return marks
