"""The limits of calls in flight: one for all circuits of a name.

Which number a limit has is decided in core/concurrency.py, and which call has to enter in decisions.py and
fast_path.py.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from otel_breaker.core.concurrency import ConcurrencyLimit
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
from otel_breaker.settings import Mode

if TYPE_CHECKING:
    from otel_breaker.settings import Settings


class ConcurrencyLimits:
    """The limit of each name that has one; its circuits keep it alive."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by_name: WeakValueDictionary[str, ConcurrencyLimit] = WeakValueDictionary()

    def find(self, name: str, settings: Settings) -> ConcurrencyLimit | None:
        """The limit of a name, with these settings from now on; None when they set none."""
        if settings.max_in_flight is None or settings.mode is Mode.OFF:
            return None
        number = settings.max_in_flight if isinstance(settings.max_in_flight, int) else None
        return self._find_or_make(name, number, settings.slow_call_duration)

    def after_fork(self) -> None:
        """Replace the lock in a forked child: the thread that held it does not exist there."""
        self._lock = threading.RLock()

    @locked
    def _find_or_make(self, name: str, number: int | None, slow_call_duration: float | None) -> ConcurrencyLimit:
        limit = self._by_name.get(name)
        if limit is None:
            limit = self._by_name[name] = ConcurrencyLimit(number, slow_call_duration)
        limit.adopt(number, slow_call_duration)
        return limit


LIMITS: Final = ConcurrencyLimits()
FORKS.register(ForkStage.LOCKS, LIMITS.after_fork)
