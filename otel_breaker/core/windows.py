"""What is remembered of past calls, so that a rate can be judged: the last N calls, or the last N seconds.

A window counts and forgets; whether the counts are bad is a rule's question (rules.py). Both kinds cost O(1)
per call. A *place* is where a call stands in a window, so that it can still be marked as failed later.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, NamedTuple, Protocol


class WindowTotals(NamedTuple):
    """What a window holds."""

    calls: int
    failures: int
    slow_calls: int


class Window(Protocol):
    """Remembers calls. `unreported` counts the plain successes that nobody has reported one by one, ever."""

    @property
    def turns_at(self) -> float:
        """Until when a plain success needs no report; seconds on the clock that `now` comes from."""
        ...

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int: ...

    def mark_failed(self, place: int, now: float, unreported: int) -> None: ...

    def totals(self, now: float, unreported: int) -> WindowTotals: ...


class LastCalls:
    """The last *size* calls, exact.

    Only the places of failed and slow calls are stored: a success is nothing but a number that goes up, so it
    can be counted elsewhere without a lock and told here as `unreported`.
    """

    __slots__ = ("_failures", "_oldest", "_reported", "_slow", "size", "turns_at")

    def __init__(self, size: int) -> None:
        self.size = size
        self.turns_at = inf
        self._reported = 0
        self._oldest = 0
        self._failures: deque[int] = deque()
        self._slow: deque[int] = deque()

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int:
        place = self._reported + unreported
        self._reported += 1
        self._forget(place + 1)
        if failed:
            self._failures.append(place)
        if slow:
            self._slow.append(place)
        return place

    def mark_failed(self, place: int, now: float, unreported: int) -> None:
        self._forget(self._reported + unreported)
        if place < self._oldest:
            return
        # Calls end roughly in the order in which they were counted, so few are ever moved aside.
        later: list[int] = []
        while self._failures and self._failures[-1] > place:
            later.append(self._failures.pop())
        self._failures.append(place)
        self._failures.extend(reversed(later))

    def totals(self, now: float, unreported: int) -> WindowTotals:
        seen = self._reported + unreported
        self._forget(seen)
        return WindowTotals(seen - self._oldest, len(self._failures), len(self._slow))

    def resize(self, size: int) -> None:
        """Remember *size* calls from now on; what is already forgotten stays forgotten."""
        self.size = size

    def _forget(self, seen: int) -> None:
        self._oldest = max(self._oldest, seen - self.size)
        for places in (self._failures, self._slow):
            while places and places[0] < self._oldest:
                places.popleft()


class LastSeconds:
    """The last *seconds* of calls in BUCKETS slices: constant memory, at most one slice too short.

    Whatever was not reported happened in the slice that is about to end.
    """

    BUCKETS: Final = 32

    __slots__ = ("_buckets", "_calls", "_failures", "_newest", "_slow", "_taken", "_width", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._width = seconds / self.BUCKETS
        self._buckets = [[0, 0, 0] for _ in range(self.BUCKETS)]
        self._newest: int | None = None
        self._taken = 0
        self._calls = self._failures = self._slow = 0

    @property
    def turns_at(self) -> float:
        return -inf if self._newest is None else (self._newest + 1) * self._width

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int:
        self._turn(now, unreported)
        place = self._newest or 0
        bucket = self._buckets[place % self.BUCKETS]
        bucket[0] += 1
        self._calls += 1
        if failed:
            bucket[1] += 1
            self._failures += 1
        if slow:
            bucket[2] += 1
            self._slow += 1
        return place

    def mark_failed(self, place: int, now: float, unreported: int) -> None:
        self._turn(now, unreported)
        if self._newest is not None and place > self._newest - self.BUCKETS:
            self._buckets[place % self.BUCKETS][1] += 1
            self._failures += 1

    def totals(self, now: float, unreported: int) -> WindowTotals:
        self._turn(now, unreported)
        return WindowTotals(self._calls, self._failures, self._slow)

    def _turn(self, now: float, unreported: int) -> None:
        """Empty the slices whose time has passed; there are at most BUCKETS of them."""
        current = int(now // self._width)
        if self._newest is None:
            self._newest = current
        new, self._taken = unreported - self._taken, unreported
        self._buckets[self._newest % self.BUCKETS][0] += new
        self._calls += new
        for number in range(max(self._newest + 1, current - self.BUCKETS + 1), current + 1):
            bucket = self._buckets[number % self.BUCKETS]
            self._calls -= bucket[0]
            self._failures -= bucket[1]
            self._slow -= bucket[2]
            bucket[:] = (0, 0, 0)
        # Another thread may have read the clock earlier and come later: time never runs back here.
        self._newest = max(self._newest, current)
