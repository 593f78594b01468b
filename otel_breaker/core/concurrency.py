"""The limit of calls in flight of one name: a fixed number, or one that adaptive_limit.py adapts.

Whether a call over the limit is refused, and with which error, is decided in circuit/. Nothing here locks: calls enter
and leave `in_flight` in single atomic steps, and a number that two threads change at once loses one step of one of
them, after which the next sample corrects it.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from otel_breaker.core.adaptive_limit import AdaptiveLimit

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.states import Outcome


class ConcurrencyLimit:
    """At most `limit` calls in flight, of all circuits that share a name.

    Args:
        max_in_flight: the limit; None for one that adapts.
        slow_call_duration: seconds after which a call is slow; None for a multiple of the usual duration.
    """

    __slots__ = (
        "__weakref__",
        "_adaptive",
        "_first_deadline",
        "_number",
        "_settings",
        "in_flight",
        "in_frames",
        "limit",
        "quiet_until",
        "slow_after",
    )

    def __init__(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        self.in_flight: dict[Permit, object] = {}
        """The admitted calls that have not ended, each with its holder."""
        self.in_frames: deque[bool] = deque()
        """One item for each admitted call that the frame which appended it will end, and then pop any item: cheaper."""
        self._first_deadline = inf
        """No place is due to be taken back before: monotonic seconds."""
        self._number = 0
        """The fixed limit, where none adapts."""
        self._adaptive: AdaptiveLimit | None = None
        self._settings: tuple[int | None, float | None] | None = None
        self.adopt(max_in_flight, slow_call_duration)

    def adopt(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        """Apply other settings; the calls in flight and what was found are kept. For one caller at a time."""
        if self._settings == (max_in_flight, slow_call_duration):
            return
        if max_in_flight is not None:
            self._number, self._adaptive = max_in_flight, None
        elif self._adaptive is None:
            self._adaptive = AdaptiveLimit(slow_call_duration)
        else:
            self._adaptive.adopt(slow_call_duration)
        self._publish()
        self._settings = (max_in_flight, slow_call_duration)

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
        try:
            if type(holder) is float:  # after it has entered, so that `take_back_expired` misses none
                self._first_deadline = min(self._first_deadline, holder)
            number = self.number_in_flight
            if number <= self.limit:
                return True
            adaptive = self._adaptive  # kept, here and below: other settings may come at any call
            if adaptive is not None and adaptive.follow(number):
                self._publish()
                return True
        except BaseException:  # an interrupt: the call will not run
            self.in_flight.pop(permit, None)
            raise
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

    def record(self, outcome: Outcome, started: float | None, now: float, ended: int) -> None:
        """Adapt the limit to one call, which has left.

        Args:
            outcome: how it ended.
            started: monotonic seconds at its start; None where that is not known.
            now: monotonic seconds at its end.
            ended: the calls that have ended since the last one that was recorded, this one included.
        """
        adaptive = self._adaptive
        if adaptive is not None and started is not None:
            adaptive.record(outcome, started, now, self.number_in_flight + 1, ended)
            self._publish()

    def note_refusal(self) -> None:
        """Take note that the limit was reached."""
        adaptive = self._adaptive
        if adaptive is not None:
            adaptive.note_used(self.limit)

    def forget_calls_in_flight(self) -> None:
        """Forget all calls in flight, because none of them will end."""
        # Not cleared: the frame that has forked may be one of those.
        self.in_flight, self.in_frames = {}, deque()

    def _publish(self) -> None:
        adaptive, is_current = self._adaptive, False
        while not is_current:  # else a fixed limit could be overwritten for good
            if adaptive is None:
                self.limit, self.slow_after, self.quiet_until = self._number, inf, inf
            else:
                self.limit, self.slow_after, self.quiet_until = (
                    adaptive.limit,
                    adaptive.slow_after,
                    adaptive.quiet_until,
                )
            published, adaptive = adaptive, self._adaptive
            is_current = adaptive is published
