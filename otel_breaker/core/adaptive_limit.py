"""Finds how many calls may be in flight, from the durations and outcomes of calls: additive increase, multiplicative
decrease. concurrency.py knows which calls are in flight, and compares.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import FAILURE, SUCCESS

if TYPE_CHECKING:
    from otel_breaker.core.states import Outcome

_FIRST_LIMIT: Final = 8
_INCREASE: Final = 1.0
_DECREASE: Final = 0.7
_MOST_UNUSED: Final = 2.0
"""The multiple of the calls in flight that a limit is set to at most."""
_TOLERATED_CALLS: Final = 2
"""Bad calls of one round trip that decrease no limit, as no evidence; of three calls in flight or less, one."""
_TOLERATED_SHARE: Final = 0.2
"""The share of calls that may be bad, too: else a few errors would refuse most calls of a busy client."""
_SLOW_FACTOR: Final = 4.0
"""A call is slow from this multiple of the usual duration on, where nothing else defines slow."""
_LONG_FACTOR: Final = 2.0
_LONG_ROUND_TRIPS: Final = 3
"""So many round trips in a row, each longer than that multiple of the usual duration, show that calls wait."""
_LONGEST_FACTOR: Final = 2.0
"""The multiple of the usual duration as which a longer one counts, so that an overload does not become usual."""
_MEMORY: Final = 60.0
"""Seconds that the usual duration is an average of, and that a decrease is remembered for."""
_LONGEST_PAUSE: Final = 0.1
"""Seconds as which a longer pause counts in that average: the first call after one is the shortest of many."""
_SHORTEST: Final = 0.001
"""Seconds as which a shorter duration counts: no multiple of the resolution of a clock is slow."""
_SHORTEST_ROUND_TRIP: Final = 0.025
"""Seconds: to record each call of microseconds would cost more than the call."""


class AdaptiveLimit:
    """A limit that follows the calls in flight until several round trips are long, or calls are bad.

    From then on, in each round trip, it is multiplied by 0.7 when too many calls are bad, which are those that fail or
    are slow, and else increased by one if at least half of it was used. It is never less than one, nor set to more than
    twice what was used. After a minute without either it follows again.

    Args:
        slow_call_duration: seconds after which a call is slow; None for a multiple of the usual duration.
    """

    __slots__ = (
        "_averaged_at",
        "_averaged_time",
        "_bad",
        "_decreased_at",
        "_ended",
        "_exact",
        "_follows",
        "_long",
        "_overloaded_at",
        "_slow_call_duration",
        "_used",
        "_usual",
        "limit",
        "quiet_until",
        "slow_after",
    )

    def __init__(self, slow_call_duration: float | None) -> None:
        self.limit = _FIRST_LIMIT
        self.quiet_until = -inf
        """Until when a good call needs no `record`: monotonic seconds."""
        self._exact = float(_FIRST_LIMIT)
        """The limit, before it is rounded down."""
        self._usual: float | None = None
        """The average duration of calls that succeed, in seconds."""
        self._averaged_time = 0.0
        """The seconds that it is an average of, at most `_MEMORY`."""
        self._averaged_at = self._decreased_at = -inf
        self._overloaded_at = -inf
        """When too many calls were bad, or round trips long: monotonic seconds."""
        self._long = 0
        """Long round trips in a row."""
        self._follows = True
        self._used = 0
        """The most calls that were seen in flight in this round trip."""
        self._bad = 0
        """The bad calls of this round trip."""
        self._ended = 0
        """All calls that have ended in it."""
        self.adopt(slow_call_duration)

    def adopt(self, slow_call_duration: float | None) -> None:
        """Change after how many seconds a call is slow; what was found is kept."""
        self._slow_call_duration = slow_call_duration
        self.slow_after = self._find_slow_after()
        """Seconds from which on a call is slow, and has to be recorded."""

    def note_used(self, in_flight: int) -> None:
        """Take note of how many calls are in flight."""
        self._used = max(self._used, in_flight)

    def follow(self, in_flight: int) -> bool:
        """Raise the limit to the calls in flight, while it follows them: whether it did.

        Calls of a dependency that is well are not refused, and an overload that lasts from the start is still found.
        """
        if not self._follows:
            return False
        self._set(float(in_flight))
        return True

    def record(self, outcome: Outcome, started: float, now: float, in_flight: int, ended: int) -> None:
        """Adapt to one call.

        Args:
            outcome: how it ended.
            started: monotonic seconds at its start.
            now: monotonic seconds at its end.
            in_flight: the calls in flight, this one included.
            ended: the calls that have ended since the last one that was recorded, this one included.
        """
        duration = now - started
        self.note_used(in_flight)
        self._ended += ended
        if outcome is FAILURE or duration >= self.slow_after:
            self._count_bad(started, now)
        elif outcome is SUCCESS and now >= self.quiet_until:
            self._end_round_trip(duration, now)
        if outcome is SUCCESS:
            self._average(max(duration, _SHORTEST), now)

    def _count_bad(self, started: float, now: float) -> None:
        # A call that was admitted before the last decrease is evidence against the limit of that time.
        if started <= self._decreased_at:
            return
        self._bad += 1
        few = max(1, min(_TOLERATED_CALLS, self._used / 2))
        if self._bad > max(few, _TOLERATED_SHARE * max(self._used, self._ended)):
            self._decreased_at = self._overloaded_at = now
            self._follows = False
            self._set(max(1.0, _DECREASE * min(self._exact, _MOST_UNUSED * self._used)))
            self._used = self._bad = self._ended = 0

    def _end_round_trip(self, duration: float, now: float) -> None:
        if _MOST_UNUSED * self._used > self._exact:
            self._set(self._exact + _INCREASE)
        self._used = self._bad = self._ended = 0
        is_long = self._usual is not None and duration > _LONG_FACTOR * self._usual
        self._long = self._long + 1 if is_long else 0
        if self._long >= _LONG_ROUND_TRIPS:
            self._overloaded_at = now
            self._follows = False
        elif now - self._overloaded_at >= _MEMORY:
            self._follows = True
        # The next one ends with the first call that is recorded after the time of a call: it shows the new limit.
        self.quiet_until = now + max(duration, _SHORTEST_ROUND_TRIP)

    def _average(self, duration: float, now: float) -> None:
        usual = self._usual
        if usual is None:
            self._usual, self._averaged_at = duration, now
        elif now > self._averaged_at:
            # By time, not by call: slow calls are all recorded, of others one in each round trip.
            elapsed = min(now - self._averaged_at, max(duration, _LONGEST_PAUSE))
            self._averaged_time = min(_MEMORY, self._averaged_time + elapsed)
            counted = min(duration, _LONGEST_FACTOR * usual)
            self._usual, self._averaged_at = usual + elapsed / self._averaged_time * (counted - usual), now
        self.slow_after = self._find_slow_after()

    def _find_slow_after(self) -> float:
        if self._slow_call_duration is not None:
            return self._slow_call_duration
        return inf if self._usual is None else _SLOW_FACTOR * self._usual

    def _set(self, limit: float) -> None:
        whole = int(limit)
        self._exact, self.limit = limit, whole
