"""Values remembered by the identity of a type: no class is kept alive, hashed or compared, and no metaclass runs.

A metaclass may refuse to hash or compare, and a class that was replaced by a newer definition must be collectable.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

V = TypeVar("V")


class TypeMemo(Generic[V]):
    """Values by type; an entry is removed with its type.

    Args:
        capacity: how many types are remembered at once; further ones are not.
    """

    __slots__ = ("__weakref__", "_capacity", "_references", "by_id")

    def __init__(self, capacity: int) -> None:
        self.by_id: dict[int, V] = {}
        """By `id` of the type; read directly on the fast path."""
        self._capacity = capacity
        self._references: dict[int, weakref.ref[type]] = {}

    def add(self, kind: type, value: V) -> None:
        """Remember the value of a type."""
        if len(self.by_id) >= self._capacity:
            return
        key, owner = id(kind), weakref.ref(self)

        # Runs before the type's memory, and with it the key, is used again. A memo in a cycle with itself would be
        # freed late, hence the weak reference.
        def remove(_: object) -> None:
            memo = owner()
            if memo is not None:
                memo.by_id.pop(key, None)
                memo._references.pop(key, None)  # noqa: SLF001  # of the same class

        self._references[key] = weakref.ref(kind, remove)
        self.by_id[key] = value
