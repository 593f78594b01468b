"""A failure counts once, however many nested calls of one circuit it passes through."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit

_ATTRIBUTE: Final = "__otel_breaker__"
_PARTS: Final = 3
_MOST: Final = 8
"""How many circuits leave their mark on one exception: a constant may pass through any number of them."""

# Past what the exception's class makes of it: it may raise, or show something else.
_dict_of: Final = BaseException.__dict__["__dict__"].__get__


class CountedErrors:
    """What one circuit leaves on exceptions that it has counted.

    The innermost call leaves it, with the owner of that call. An outer call finds it: it was admitted before that, and
    has the same owner. Calls that share an exception object without being nested, since they await one future or
    raise one constant, have different owners. A call that ends in a callback, or by hand, leaves none: it may end
    among others that are given the same object.

    Only numbers are left, random ones: exceptions are pickled, and then meet other circuits.
    """

    __slots__ = ("_circuit",)

    def __init__(self) -> None:
        self._circuit = int.from_bytes(os.urandom(8), "big")

    def is_counted(self, error: BaseException, permit: Permit, owner: object) -> bool:
        """Whether a failure was counted by a call inside of this one.

        Args:
            error: what the call raised.
            permit: what it was admitted with.
            owner: what runs the call; see `running`.
        """
        for circuit, epoch, whose in _read(_dict_of(error).get(_ATTRIBUTE)):
            if circuit == self._circuit:
                return epoch > permit.failure_count and whose == (owner if type(owner) is int else id(owner))
        return False

    def mark(self, error: BaseException, epoch: int, owner: object) -> None:
        """CountedErrors a failure as counted.

        Args:
            error: what the call raised.
            epoch: how many failures the circuit has counted, this one included.
            owner: what ran the call.
        """
        namespace = _dict_of(error)
        marks = namespace.get(_ATTRIBUTE)
        mark = (self._circuit, epoch, owner if type(owner) is int else id(owner))
        if marks is None:
            namespace[_ATTRIBUTE] = (mark,)
        else:
            others = [other for other in _read(marks) if other[0] != self._circuit]
            namespace[_ATTRIBUTE] = (mark, *others[: _MOST - 1])


def _read(marks: object) -> tuple[tuple[int, int, int], ...]:
    # They may have come from another process, or have been written by somebody else.
    if type(marks) is tuple and all(type(mark) is tuple and len(mark) == _PARTS for mark in marks):
        return marks
    return ()
