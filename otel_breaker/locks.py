"""Taking a lock so that no interrupt leaves it taken.

A signal handler that raises, such as that of Ctrl-C or of a soft time limit, raises wherever Python looks for
signals: after a call, and where a loop or a function begins. `with lock:` calls `__enter__` first and is responsible
for the lock only after that: since Python 3.14 it looks in between, and an interrupt there leaves the lock taken for
good. Here the lock is taken inside the `try` that gives it back. Nothing in this project takes a lock otherwise.

What runs under a lock is bookkeeping: nothing is logged, and neither called nor compared that is not ours.
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
    """Has the lock that its methods run under; a re-entrant one, since a signal handler may come in the middle."""

    _lock: RLock


S = TypeVar("S", bound=Locking)
R = TypeVar("R")


def locked(method: Callable[[S, Unpack[A]], R]) -> Callable[[S, Unpack[A]], R]:
    """Run a method under its object's `_lock`; at once where the thread has it already.

    Args:
        method: called with positional arguments only, which is quicker.
    """

    @wraps(method)
    def run(self: S, /, *args: Unpack[A]) -> R:
        lock = self._lock  # held on to: another one may stand there afterwards, in a forked child
        if lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # what Condition asks
            return method(self, *args)
        try:
            lock.acquire()
            result = method(self, *args)
        finally:
            # Not under a condition, which could be interrupted: it is ours unless an interrupt came before it was.
            try:  # noqa: SIM105  # `suppress` is a call, at which another interrupt could come
                lock.release()
            except RuntimeError:
                pass
        return result

    return run
