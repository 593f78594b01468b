"""Marks on exceptions: an exception counts once, however many nested calls of one circuit it passes through."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit

_ATTRIBUTE: Final = "__otel_breaker__"
_PARTS: Final = 3
_MOST: Final = 8
"""The circuits that mark one exception: a constant may pass through any number of them."""

# The exception's class may override `__dict__` with code that raises or returns another one.
_dict_of: Final = BaseException.__dict__["__dict__"].__get__


class CountedErrors:
    """The marks of one circuit on the exceptions that it has counted.

    The innermost call marks the exception, with its own owner. An outer call finds the mark: it was admitted earlier,
    and has the same owner. Calls that share an exception object without being nested, because they await one future or
    raise one constant, have different owners. A call that ends in a callback, or by hand, makes no mark: other calls
    may receive the same object.

    A mark consists of numbers, and a circuit's is random: exceptions are pickled, and then reach other processes.
    """

    __slots__ = ("_circuit",)

    def __init__(self) -> None:
        self._circuit = int.from_bytes(os.urandom(8), "big")

    def is_counted(self, error: BaseException, permit: Permit, owner: object) -> bool:
        """Whether a failure was counted by a call inside of this one.

        Args:
            error: what the call raised.
            permit: with which it was admitted.
            owner: what runs the call; see `running`.
        """
        for circuit, failure_count, marked_owner in _read(_dict_of(error).get(_ATTRIBUTE)):
            if circuit == self._circuit:
                number = owner if type(owner) is int else id(owner)
                return failure_count > permit.failure_count and marked_owner == number
        return False

    def mark(self, error: BaseException, failure_count: int, owner: object) -> None:
        """Mark a failure as counted.

        Args:
            error: what the call raised.
            failure_count: the failures that the circuit has counted, this one included.
            owner: what ran the call.
        """
        namespace = _dict_of(error)
        marks = namespace.get(_ATTRIBUTE)
        mark = (self._circuit, failure_count, owner if type(owner) is int else id(owner))
        if marks is None:
            namespace[_ATTRIBUTE] = (mark,)
        else:
            others = [other for other in _read(marks) if other[0] != self._circuit]
            namespace[_ATTRIBUTE] = (mark, *others[: _MOST - 1])


def _read(marks: object) -> tuple[tuple[int, int, int], ...]:
    # They may come from another process, or from code that is not ours.
    if type(marks) is tuple and all(type(mark) is tuple and len(mark) == _PARTS for mark in marks):
        return marks
    return ()
