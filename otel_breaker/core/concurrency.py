"""The limit of calls in flight: how many admitted calls of one name may run at once."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import FAILURE, SUCCESS

if TYPE_CHECKING:
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.states import Outcome

_FIRST_LIMIT: Final = 8
_DECREASE: Final = 0.7
_SLOW_FACTOR: Final = 5.0
_SMOOTHING: Final = 0.1


class ConcurrencyLimit:
    def __init__(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        self.in_flight: dict[Permit, bool] = {}
        self._exact = float(_FIRST_LIMIT)
        self._smoothed: float | None = None
        self._decreased_at = -inf
        self._used = 0
        self.adopt(max_in_flight, slow_call_duration)

    def adopt(self, max_in_flight: int | None, slow_call_duration: float | None) -> None:
        self._is_auto = max_in_flight is None
        self._slow_call_duration = slow_call_duration
        if max_in_flight is not None:
            self.limit = max_in_flight
            self.slow_after = self.quiet_until = inf
        else:
            self.limit = int(self._exact)
            self.quiet_until = -inf
            self.slow_after = inf
            if slow_call_duration is not None:
                self.slow_after = slow_call_duration

    def enter(self, permit: Permit) -> bool:
        in_flight = self.in_flight
        in_flight[permit] = True
        if len(in_flight) <= self.limit:
            return True
        in_flight.pop(permit, None)
        self._used = self.limit
        return False

    def leave(self, permit: Permit) -> None:
        self.in_flight.pop(permit, None)

    def record(self, outcome: Outcome, started: float, now: float) -> None:
        if not self._is_auto:
            return
        used, self._used = max(self._used, len(self.in_flight) + 1), 0
        duration = now - started
        if outcome is FAILURE or duration >= self.slow_after:
            if started > self._decreased_at:
                self._exact = max(1.0, self._exact * _DECREASE)
                self._decreased_at = now
        elif outcome is SUCCESS and now >= self.quiet_until:
            self._smoothed = duration if self._smoothed is None else self._smoothed + _SMOOTHING * (duration - self._smoothed)
            if self._slow_call_duration is None:
                self.slow_after = _SLOW_FACTOR * self._smoothed
            if 2 * used >= self._exact:
                self._exact = min(self._exact + 1, 2 * used) if self._exact < 2 * used else self._exact
            self.quiet_until = now + self._smoothed
        self.limit = int(self._exact)

    def forget_calls_in_flight(self) -> None:
        self.in_flight.clear()
