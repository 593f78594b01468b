"""Guards that the library does not have, because they help less: each is here so that its figure can be measured."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.core.permits import Permit
    from tests.simulation.clients import Guard
    from tests.simulation.guards import Breaker, DrivenMachine

_MOST_SAVED: Final = 10.0


class RampUp:
    """A breaker that admits a growing share of calls after it has closed.

    Args:
        draw: returns random numbers in [0, 1).
        breaker: decides first.
        seconds: until all calls are admitted.
        first_share: the share right after it has closed.
    """

    def __init__(
        self, draw: Callable[[], float], breaker: Breaker, seconds: float = 10.0, first_share: float = 0.1
    ) -> None:
        self._draw, self._breaker, self._seconds, self._first_share = draw, breaker, seconds, first_share

    def admit(self, now: float, shard: int) -> object | None:
        ticket = self._breaker.admit(now, shard)
        if ticket is None:
            return None
        machine, _ = ticket
        if machine.is_closed and machine.closed_at is not None:
            elapsed = (now - machine.closed_at) / self._seconds
            if elapsed < 1 and self._draw() > self._first_share + (1 - self._first_share) * elapsed:
                self._breaker.give_back(ticket, now)
                return None
        return ticket

    def end(self, ticket: tuple[DrivenMachine, Permit], now: float, *, failed: bool) -> None:
        self._breaker.end(ticket, now, failed=failed)

    def allows_retry(self) -> bool:
        return True


class RetryBudget:
    """Another guard, with retries for at most a share of the calls.

    Args:
        guard: decides about the calls.
        share: what each call adds to the budget; a retry takes one from it.
    """

    def __init__(self, guard: Guard, share: float = 0.1) -> None:
        self._guard, self._share, self._saved = guard, share, _MOST_SAVED

    def admit(self, now: float, shard: int) -> object | None:
        self._saved = min(_MOST_SAVED, self._saved + self._share)
        return self._guard.admit(now, shard)

    def end(self, ticket: object, now: float, *, failed: bool) -> None:
        self._guard.end(ticket, now, failed=failed)

    def allows_retry(self) -> bool:
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Throttle:
    """Adaptive throttling, as the book Site Reliability Engineering has it: refuses at random what exceeds the accepted
    calls times a factor.

    Args:
        draw: returns random numbers in [0, 1).
        factor: refuses nothing while at least one in so many calls is accepted.
        seconds: for how long calls count.
    """

    def __init__(self, draw: Callable[[], float], factor: float = 2.0, seconds: float = 10.0) -> None:
        self._draw, self._factor, self._seconds = draw, factor, seconds
        self._calls: deque[float] = deque()
        self._accepted: deque[float] = deque()

    def admit(self, now: float, _shard: int) -> object | None:
        for times in (self._calls, self._accepted):
            while times and times[0] < now - self._seconds:
                times.popleft()
        calls = len(self._calls)
        self._calls.append(now)
        return None if self._draw() < (calls - self._factor * len(self._accepted)) / (calls + 1) else self

    def end(self, ticket: object, now: float, *, failed: bool) -> None:
        if not failed:
            self._accepted.append(now)

    def allows_retry(self) -> bool:
        return True


class ProportionalControl:
    """Refuses a share of calls that a controller adjusts to the share of calls that fail.

    Args:
        draw: returns random numbers in [0, 1).
        seconds: between two adjustments.
        tolerated: the share of failed calls that is no reason to refuse any.
    """

    def __init__(self, draw: Callable[[], float], seconds: float = 5.0, tolerated: float = 0.01) -> None:
        self._draw, self._seconds, self._tolerated = draw, seconds, tolerated
        self._refused_share = 0.0
        self._period = 0
        self._ended = self._failed = 0

    def admit(self, now: float, _shard: int) -> object | None:
        while self._period < int(now / self._seconds):
            self._period += 1
            self._adjust()
        return None if self._draw() < self._refused_share else self

    def end(self, ticket: object, now: float, *, failed: bool) -> None:
        self._ended += 1
        self._failed += failed

    def allows_retry(self) -> bool:
        return True

    def _adjust(self) -> None:
        error = max(0.0, self._failed / self._ended - self._tolerated) if self._ended else 0.0
        self._refused_share = min(1.0, max(0.0, self._refused_share + error - (1 - error) * self._refused_share))
        self._ended = self._failed = 0
