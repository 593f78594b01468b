"""Who runs the current call: the asyncio or Trio task, the greenlet, else the thread.

An owner is a weak reference: a finished task is not kept alive, and its successor at the same address is somebody
else. Two are compared under a circuit's lock, so by what they refer to and not by what that says of itself.
Libraries are looked at only where the application has imported them.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any, Final

_IMPORTED: Final[dict[str, Any]] = sys.modules
_thread_id: Final = threading.get_ident


def running() -> Any:
    """What runs the current call: a task or greenlet, the number of a thread, or None.

    None stands for a callback of an event loop, which belongs to nobody.
    """
    if "asyncio" in _IMPORTED:
        try:
            asyncio = _IMPORTED["asyncio"]
            loop = asyncio._get_running_loop()  # noqa: SLF001  # documented; asking for a task without a loop raises
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
    """Who runs a call."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        who = self()
        return who is not None and isinstance(other, Owner) and other() is who

    def __ne__(self, other: object) -> bool:  # a weak reference has one of its own
        return not self == other

    __hash__ = object.__hash__


def running_owner() -> Owner | None:
    """The owner of the current call; None in a callback of an event loop."""
    found = running()
    if found is None:
        return None
    return Owner(threading.current_thread() if type(found) is int else found)
