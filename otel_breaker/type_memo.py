"""What is known of types, by the identity of each: no class is kept alive, hashed, compared or asked for it.

A class may refuse all that (its metaclass decides), and a class that was defined anew must be free to go.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

V = TypeVar("V")


class TypeMemo(Generic[V]):
    """Values by type; entries vanish with their types.

    Args:
        most: how many types are remembered at once; further ones are not.
    """

    __slots__ = ("__weakref__", "_most", "_references", "known")

    def __init__(self, most: int) -> None:
        self.known: dict[int, V] = {}
        """By `id` of the type; for hot paths to read."""
        self._most = most
        self._references: dict[int, weakref.ref[type]] = {}

    def learn(self, kind: type, value: V) -> None:
        """Remember a value of a type."""
        if len(self.known) >= self._most:
            return
        key, owner = id(kind), weakref.ref(self)

        # Run before the type's memory, and with it the key, is used again. A memo must not be in a cycle with itself.
        def forget(_: object) -> None:
            memo = owner()
            if memo is not None:
                memo.known.pop(key, None)
                memo._references.pop(key, None)  # noqa: SLF001  # of the same class

        self._references[key] = weakref.ref(kind, forget)
        self.known[key] = value
