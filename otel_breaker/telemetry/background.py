"""What an SDK may hold up, done in a thread beside the caller's: to make an instrument takes the SDK's locks.

In a forked child such a lock can be held for ever, by a reader that was collecting at the fork and is not there any
more. Whoever waits for it would hang, so nothing of the kind is ever done in the course of a guarded call.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from otel_breaker.forks import FORKS

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 1.0
"""Seconds to wait for what is done aside: a reader that collects, at the start of a program, ends sooner."""


def run_in_background(act: Callable[[], None]) -> None:
    """Do something in a thread of its own, which ends with it.

    Waits for its end, for at most `PATIENCE` seconds; in a forked child not at all.

    Args:
        act: what to do; it must not raise.
    """
    if not hasattr(os, "fork"):
        act()
        return
    thread = threading.Thread(target=act, name="otel_breaker: make instruments", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the program is ending, or may have no more threads
        return
    if not FORKS.is_child:
        thread.join(PATIENCE)
