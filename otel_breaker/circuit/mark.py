"""A failure counts once, however many nested calls of one circuit it passes through."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.permits import Permit


class Mark:
    """What one circuit leaves on exceptions that it has counted.

    The innermost call leaves it; an outer one, admitted before that, finds it. The same object raised by a later call
    is a failure of its own. Only numbers are left, random ones: exceptions are pickled, and then meet other circuits.
    """

    __slots__ = ("_attribute",)

    def __init__(self) -> None:
        self._attribute = f"__otel_breaker_{random.getrandbits(64):x}__"

    def is_news(self, error: BaseException, permit: Permit, machine: Machine) -> bool:
        """Whether a failure was not counted yet; if so, it is marked."""
        if error.__dict__.get(self._attribute, -1) > permit.epoch:
            return False
        if permit.generation == machine.generation:
            self.leave(error, machine.epoch + 1)
        return True

    def leave(self, error: BaseException, epoch: int) -> None:
        """Mark a failure as counted."""
        error.__dict__[self._attribute] = epoch
