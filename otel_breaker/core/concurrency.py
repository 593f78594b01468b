"""The limit of calls in flight of one name: a fixed number, or one that durations and outcomes of calls adapt.

Whether a call over the limit is refused, and with which error, is decided in circuit/. Nothing here locks: calls enter
and leave `in_flight` in single atomic steps, and a number that two threads change at once loses one step of one of
them, after which the next sample corrects it.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import FAILURE, SUCCESS, Outcome

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit

_FIRST_LIMIT: Final = 8
_DECREASE: Final = 0.7
_SMOOTHING: Final = 0.1
"""The weight of a new duration in the smoothed one."""
_SLOW_FACTOR: Final = 4.0
"""A call is slow from this multiple of the smoothed duration on, where nothing else defines slow."""

_SHORTEST_QUIET: Final = 0.01
"""Seconds: calls of microseconds, one after the other, are not a sample each."""


class ConcurrencyLimit:
    """At most `limit` calls in flight, of all circuits that share a name.

    Args:
        max_in_flight: the limit; None for one that adapts.
        slow_call_duration: seconds after which a call is slow; None for a multiple of the smoothed duration.
    """

    __slots__ = (
        "__weakref__",
        "_decreased_at",
        "_exact",
        "_first_deadline",
        "_is_adaptive",
        "_settings",
        "_slow_call_duration",
        "_smoothed",
        "_used",
        "in_flight",
        "in_frames",
        "limit",
        "quiet_until",
        "slow_after",
    )

    def __init__(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        self.in_flight: dict[Permit, object] = {}
        """The admitted calls that have not ended, each with its holder."""
        self.in_frames: deque[Permit] = deque()
        """One item for each admitted call that the frame which appended it will end, and then pop any item: cheaper."""
        self._first_deadline = inf
        """No place is due to be taken back before: monotonic seconds."""
        self._exact = float(_FIRST_LIMIT)
        """The limit, before it is rounded down."""
        self._smoothed: float | None = None
        """The duration of good calls, in seconds."""
        self._decreased_at = -inf
        self._used = 0
        """The most calls that were seen in flight since the last step."""
        self._settings: tuple[int | None, float | None] | None = None
        self.adopt(max_in_flight, slow_call_duration)

    def adopt(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        """Apply other settings; the calls in flight and what was found are kept."""
        if self._settings == (max_in_flight, slow_call_duration):
            return
        self._settings = (max_in_flight, slow_call_duration)
        self._is_adaptive = max_in_flight is None
        self._slow_call_duration = slow_call_duration
        self.limit = int(self._exact) if max_in_flight is None else max_in_flight
        self.slow_after = self._slow_after() if self._is_adaptive else inf
        """Seconds from which on the duration of a call lowers the limit."""
        self.quiet_until = -inf if self._is_adaptive else inf
        """Until when a good call that is not slow needs no `record`: monotonic seconds."""

    @property
    def number_in_flight(self) -> int:
        return len(self.in_flight) + len(self.in_frames)

    def enter(self, permit: Permit, holder: object = None) -> bool:
        """Let a call enter; False, having done nothing, when the limit is reached.

        Of two calls that enter at once at the last place both may be refused; never are both admitted.

        Args:
            permit: that of the call.
            holder: what is kept with the permit; a number is the time at which the place is taken back.
        """
        self.in_flight[permit] = holder
        if type(holder) is float:  # after it has entered, so that `take_back_expired` misses none
            self._first_deadline = min(self._first_deadline, holder)
        if self.number_in_flight <= self.limit:
            return True
        self.leave(permit)
        return False

    def leave(self, permit: Permit) -> None:
        """Let a call leave; without effect when it is not in flight."""
        self.in_flight.pop(permit, None)

    def take_back_expired(self, now: float) -> bool:
        """Take back the places whose time is over; whether there was one."""
        if now < self._first_deadline:
            return False
        try:
            self._first_deadline = inf
            deadlines = [(held, permit) for permit, held in self.in_flight.copy().items() if type(held) is float]
            expired = [permit for held, permit in deadlines if held <= now]
            for permit in expired:
                self.leave(permit)
            later = min((held for held, _ in deadlines if held > now), default=inf)
            self._first_deadline = min(self._first_deadline, later)
        except BaseException:  # an interrupt: the next call looks again
            self._first_deadline = -inf
            raise
        return bool(expired)

    def record(self, outcome: Outcome, started: float | None, now: float) -> None:
        """Adapt the limit to one call, which has left.

        Args:
            outcome: how it ended.
            started: monotonic seconds at its start; None where that is not known.
            now: monotonic seconds at its end.
        """
        if not self._is_adaptive or started is None:
            return
        self._used = max(self._used, self.number_in_flight + 1)
        if outcome is FAILURE or now >= started + self.slow_after:
            # Once per round trip: calls that were admitted before the last decrease are no news.
            if started > self._decreased_at:
                self._decreased_at = now
                self._exact = max(1.0, self._exact * _DECREASE)
                self.limit = int(self._exact)
        elif outcome is SUCCESS and now >= self.quiet_until:
            duration = now - started
            smoothed = self._smoothed
            self._smoothed = duration if smoothed is None else smoothed + _SMOOTHING * (duration - smoothed)
            self.slow_after = self._slow_after()
            self.quiet_until = now + max(self._smoothed, _SHORTEST_QUIET)
            if self._used * 2 > self.limit:
                self._exact = min(self._exact + 1, 2.0 * self._used)
                self.limit = int(self._exact)
            self._used = 0

    def note_refusal(self) -> None:
        """Take note that the limit was reached."""
        self._used = max(self._used, self.limit)

    def forget_calls_in_flight(self) -> None:
        """Forget all calls in flight, because none of them will end."""
        # Not cleared: the frame that has forked may be one of those.
        self.in_flight, self.in_frames = {}, deque()

    def _slow_after(self) -> float:
        if self._slow_call_duration is not None:
            return self._slow_call_duration
        return inf if self._smoothed is None else _SLOW_FACTOR * self._smoothed
