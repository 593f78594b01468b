"""The listeners of a breaker's state changes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, TypeAlias

from otel_breaker.circuit.state_change import StateChange

if TYPE_CHECKING:
    from collections.abc import Iterator

Listener: TypeAlias = Callable[[StateChange], None]


class Listeners:
    """Listeners in the order in which they were added; a bound method is held weakly, and removed with its object.

    Args:
        first: are called before all others, and never removed.
    """

    __slots__ = ("_first", "_references")

    # Without a lock, in atomic steps: a signal handler may add or remove a listener in the middle of an addition.

    def __init__(self, first: tuple[Listener, ...] = ()) -> None:
        self._first = first
        self._references: dict[int, Callable[[], Listener | None]] = {}
        """By their `id`, so that an addition and a removal compare no listener."""

    def __iter__(self) -> Iterator[Listener]:
        return iter([*self._first, *(listener for _, listener in self._living())])

    def add(self, listener: Listener) -> None:
        reference: Callable[[], Listener | None]
        reference = weakref.WeakMethod(listener) if isinstance(listener, MethodType) else lambda: listener
        self._living()  # removes the references whose object is gone
        self._references[id(reference)] = reference

    def remove(self, listener: Listener) -> None:
        for reference, known in self._living():
            if known is listener or known == listener:
                self._references.pop(id(reference), None)

    def _living(self) -> list[tuple[Callable[[], Listener | None], Listener]]:
        """Listeners with their references, which keep others from having the same `id` meanwhile."""
        living = []
        for reference in self._references.copy().values():  # `copy` is atomic, `list` may be interrupted
            listener = reference()
            if listener is not None:
                living.append((reference, listener))
            else:
                self._references.pop(id(reference), None)
        return living
