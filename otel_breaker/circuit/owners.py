"""The owner of the current call: the asyncio or Trio task, the greenlet, else the thread.

An owner is a weak reference: it does not keep a finished task alive, and a later task at the same address is another
owner. Owners are compared under a circuit's lock, so by identity, which calls no code of the task. A library is used
only where the application has imported it.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any, Final

_IMPORTED: Final[dict[str, Any]] = sys.modules
_thread_id: Final = threading.get_ident


def running() -> Any:
    """What runs the current call: a task, a greenlet or the number of a thread; None in a callback of an event loop."""
    if "asyncio" in _IMPORTED:
        try:
            asyncio = _IMPORTED["asyncio"]
            loop = asyncio._get_running_loop()  # noqa: SLF001  # documented; `current_task` raises without a loop
            if loop is not None:
                return asyncio.current_task(loop)
        except AttributeError:
            pass  # its import is not finished
    if "trio" in _IMPORTED:
        try:
            return _IMPORTED["trio"].lowlevel.current_task()
        except (RuntimeError, AttributeError):
            pass  # not in a Trio run, or as above
    if "greenlet" in _IMPORTED:
        current = _IMPORTED["greenlet"].getcurrent()
        if current.parent is not None:
            return current
    return _thread_id()


class Owner(weakref.ref[Any]):
    """A weak reference to what runs a call."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        referent = self()
        return referent is not None and isinstance(other, Owner) and other() is referent

    def __ne__(self, other: object) -> bool:  # `weakref.ref` defines its own
        return not self == other

    __hash__ = object.__hash__


def running_owner() -> Owner | None:
    """The owner of the current call; None in a callback of an event loop."""
    current = running()
    if current is None:
        return None
    return Owner(threading.current_thread() if type(current) is int else current)
