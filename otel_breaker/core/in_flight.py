"""The timed calls of a closed circuit that have not ended: an overdue call counts as slow before it ends."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_breaker.core.windows import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.core.permits import Permit

_FIRST_BATCH: Final = 16

NO_CALLS_IN_FLIGHT: Final[dict[Permit, bool]] = {}
"""The calls in flight of every circuit whose calls were never timed; nothing is ever added."""


class CallsInFlight:
    """The timed calls of one closed period, oldest first; they enter and leave `permits` without the lock."""

    __slots__ = ("_slow_after", "none_overdue_until", "permits")

    def __init__(self, slow_after: float) -> None:
        self.permits: dict[Permit, bool] = {}
        self.adopt(slow_after)

    def adopt(self, slow_after: float) -> None:
        """Change after how many seconds a call is slow."""
        self._slow_after = slow_after
        self.none_overdue_until = NEVER

    def take_overdue(self, now: float) -> Iterator[Permit]:
        """Remove the overdue calls, oldest first."""
        self.none_overdue_until = now + self._slow_after  # for calls that begin from now on
        number = _FIRST_BATCH
        while oldest := self._oldest(number):
            for permit in oldest:
                started = permit.started
                if started is None or now < started + self._slow_after:
                    self.none_overdue_until = (started or now) + self._slow_after
                    return
                if self.permits.pop(permit, False):  # a call that succeeds removes itself at any moment
                    yield permit
            number *= 2  # the time to find the oldest grows with the calls that were removed before it

    def _oldest(self, number: int) -> list[Permit]:
        while True:
            try:
                return list(islice(self.permits, number))
            except RuntimeError:  # another thread has added or removed a call in the meantime
                continue
