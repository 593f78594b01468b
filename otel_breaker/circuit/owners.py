"""Who runs the current call: the asyncio or Trio task, the greenlet, else the thread.

An owner is a weak reference: a finished task is not kept alive, and its successor at the same address is somebody
else. Two are compared under a circuit's lock, so by what they refer to and not by what that says of itself.
Libraries are looked at only where the application has imported them.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any


class Owner(weakref.ref[Any]):
    """Who runs a call."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        who = self()
        return who is not None and isinstance(other, Owner) and other() is who

    __hash__ = object.__hash__


def running_owner() -> Owner | None:
    """The owner of the current call; None in a callback of an event loop, which belongs to nobody."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            pass  # no event loop runs in this thread
        else:
            return None if task is None else Owner(task)
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        try:
            return Owner(trio.lowlevel.current_task())
        except RuntimeError:
            pass  # not in a Trio run
    greenlet: Any = sys.modules.get("greenlet")
    if greenlet is not None:
        current = greenlet.getcurrent()
        if current.parent is not None:
            return Owner(current)
    return Owner(threading.current_thread())
