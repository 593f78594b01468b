"""Objects of the process that something else keeps alive, listed without keeping them alive."""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class _Reference(weakref.ref[T]):
    """A weak reference that is equal to itself only: a class may define what its objects are equal to."""

    __slots__ = ()

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__


class LivingObjects(Generic[T]):
    """Living objects, in the order in which they were added.

    Each takes 110 bytes, where a `WeakValueDictionary` takes 160. Every step is atomic: an object may be added, and
    another one finalised, at any instruction.
    """

    __slots__ = ("_forget", "_references")

    def __init__(self) -> None:
        self._references: dict[_Reference[T], None] = {}
        self._forget = self._references.pop  # made once: each access makes another bound method

    def add(self, living: T) -> None:
        """Add an object; each one once."""
        self._references[_Reference(living, self._forget)] = None

    def all(self) -> list[T]:
        """The objects that live."""
        references = self._references.copy()  # in one step
        return [living for reference in references if (living := reference()) is not None]
