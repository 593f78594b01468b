"""Acquires a lock so that no interrupt leaves it acquired.

A signal handler that raises, such as that of Ctrl-C or of a soft time limit, raises wherever Python checks for
signals: after a call, and at the start of a loop or a function. `with lock:` calls `__enter__` first and releases the
lock only if that has returned. Python 3.14 checks in between, and an interrupt there leaves the lock acquired for ever.
Here the lock is acquired inside the `try` that releases it. Nothing in this project acquires a lock otherwise; a
circuit and its dispatcher need more than that, and have the same `try` written out.

Under a lock runs bookkeeping alone: nothing is logged, and no foreign code is called, not even to compare.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from typing_extensions import TypeVarTuple, Unpack

    A = TypeVarTuple("A")


class Locking(Protocol):
    """Has the lock of its methods, a re-entrant one, because a signal handler may run in the middle of one."""

    _lock: RLock


S = TypeVar("S", bound=Locking)
R = TypeVar("R")


def locked(method: Callable[[S, Unpack[A]], R]) -> Callable[[S, Unpack[A]], R]:
    """Run a method under its object's `_lock`, which the thread may hold already.

    Args:
        method: takes positional arguments only, which is quicker.
    """

    @wraps(method)
    def run(self: S, /, *args: Unpack[A]) -> R:
        lock = self._lock  # kept: a forked child replaces the attribute
        if lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # what Condition asks
            return method(self, *args)
        try:
            lock.acquire()
            result = method(self, *args)
        finally:
            # Unconditional, because a condition could be interrupted; an interrupt before `acquire` makes this raise.
            try:  # noqa: SIM105  # `suppress` is a call, at which Python checks for signals
                lock.release()
            except RuntimeError:
                pass
        return result

    return run
