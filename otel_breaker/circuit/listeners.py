"""The listeners of a breaker's state changes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from types import MethodType
from typing import TYPE_CHECKING, TypeAlias

from otel_breaker.circuit.changes import StateChange

if TYPE_CHECKING:
    from collections.abc import Iterator

Listener: TypeAlias = Callable[[StateChange], None]


class Listeners:
    """Listeners in the order in which they were added; a bound method is held weakly, and removed with its object."""

    __slots__ = ("_numbers", "_references")

    # Without a lock, in atomic steps: a signal handler may add or remove a listener in the middle of an addition.

    def __init__(self) -> None:
        self._numbers = count()
        self._references: dict[int, Callable[[], Listener | None]] = {}

    def __iter__(self) -> Iterator[Listener]:
        return (listener for _, listener in self._living())

    def add(self, listener: Listener) -> None:
        reference: Callable[[], Listener | None]
        reference = weakref.WeakMethod(listener) if isinstance(listener, MethodType) else lambda: listener
        self._living()  # removes the references whose object is gone
        self._references[next(self._numbers)] = reference

    def remove(self, listener: Listener) -> None:
        for number, known in self._living():
            if known is listener or known == listener:
                self._references.pop(number, None)

    def _living(self) -> list[tuple[int, Listener]]:
        living = []
        for number, reference in self._references.copy().items():  # `copy` is atomic, `list` may be interrupted
            listener = reference()
            if listener is not None:
                living.append((number, listener))
            else:
                self._references.pop(number, None)
        return living
