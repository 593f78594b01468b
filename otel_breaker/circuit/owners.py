"""Who runs the current call: the asyncio or Trio task, the greenlet, else the thread.

An owner is compared, never called, and is a weak reference: a finished task is not kept alive, and its successor at
the same address is somebody else. Libraries are looked at only where the application has imported them.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any


def running_owner() -> weakref.ref[Any] | None:
    """The owner of the current call; None in a callback of an event loop, which belongs to nobody."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            pass  # no event loop runs in this thread
        else:
            return None if task is None else weakref.ref(task)
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        try:
            return weakref.ref(trio.lowlevel.current_task())
        except RuntimeError:
            pass  # not in a Trio run
    greenlet: Any = sys.modules.get("greenlet")
    if greenlet is not None:
        current = greenlet.getcurrent()
        if current.parent is not None:
            return weakref.ref(current)
    return weakref.ref(threading.current_thread())
