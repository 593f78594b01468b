"""Creates instruments in a thread of its own, because creating one takes locks of the SDK.

In a forked child such a lock may be held for ever, by a reader that was collecting at the fork and has no thread
there. A caller that waited for it would hang, so no guarded call ever takes one.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from otel_breaker.forks import FORKS

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT: Final = 1.0
"""Seconds; a collection at the start of a program, which may hold the lock, ends sooner."""


def run_in_background(task: Callable[[], None]) -> None:
    """Run a task in a thread of its own.

    Waits for its end, for at most `LONGEST_WAIT`; in a forked child not at all.

    Args:
        task: must not raise.
    """
    if not hasattr(os, "fork"):
        task()
        return
    thread = threading.Thread(target=task, name="otel_breaker: make instruments", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the program is ending, or has as many threads as it may have
        return
    if not FORKS.is_child:
        thread.join(LONGEST_WAIT)
