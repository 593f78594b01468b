"""Windows of past calls, from which rates are computed: the last N calls, or the last N seconds.

A window only counts and forgets; rules evaluate its totals (rules.py). Both kinds cost O(1) per call. A *slot* is the
position of a call in a window, by which a call that was counted as slow can be marked as failed later.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, NamedTuple, Protocol

NEVER: Final = -inf
"""Monotonic seconds that are always past. A constant, because each `-inf` in an expression makes another object."""


class WindowTotals(NamedTuple):
    """The counts of a window."""

    calls: int
    failures: int
    slow_calls: int


class Window(Protocol):
    """Counts recent calls. `unreported` is the total of all successes that `add` was not called for."""

    @property
    def turns_at(self) -> float:
        """Until when a success needs no `add`: monotonic seconds."""
        ...

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int: ...

    def mark_failed(self, slot: int, now: float, unreported: int) -> None: ...

    def totals(self, now: float, unreported: int) -> WindowTotals: ...


class LastCalls:
    """The last *size* calls, exact.

    Only the slots of failed and slow calls are stored. A success only advances a number, so it is counted elsewhere
    without a lock and passed in as `unreported`.
    """

    __slots__ = ("_failures", "_oldest", "_reported", "_slow", "size", "turns_at")

    def __init__(self, size: int) -> None:
        self.size = size
        self.turns_at = inf
        self._reported = 0
        self._oldest = 0
        self._failures = self._slow = _NO_SLOTS

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int:
        slot = self._reported + unreported
        self._reported += 1
        self._forget(slot + 1)
        if failed:
            self._failures = _with_slot(self._failures, slot)
        if slow:
            self._slow = _with_slot(self._slow, slot)
        return slot

    def mark_failed(self, slot: int, now: float, unreported: int) -> None:
        self._forget(self._reported + unreported)
        if slot < self._oldest:
            return
        # Calls end roughly in the order in which they were counted, so few have a later slot.
        later: list[int] = []
        while self._failures and self._failures[-1] > slot:
            later.append(self._failures.pop())
        self._failures = _with_slot(self._failures, slot)
        self._failures.extend(reversed(later))

    def totals(self, now: float, unreported: int) -> WindowTotals:
        calls = self._reported + unreported
        self._forget(calls)
        return WindowTotals(calls - self._oldest, len(self._failures), len(self._slow))

    def resize(self, size: int) -> None:
        """Hold *size* calls from now on; a larger size does not restore forgotten calls."""
        self.size = size

    def _forget(self, calls: int) -> None:
        self._oldest = max(self._oldest, calls - self.size)
        for slots in (self._failures, self._slow):
            while slots and slots[0] < self._oldest:
                slots.popleft()


_NO_SLOTS: Final[deque[int]] = deque()
"""The slots of every window that never had a failed or a slow call; nothing is ever added. A deque takes 760 bytes."""


def _with_slot(slots: deque[int], slot: int) -> deque[int]:
    if slots is _NO_SLOTS:
        return deque((slot,))
    slots.append(slot)
    return slots


class LastSeconds:
    """The calls of the last *seconds* in BUCKETS buckets: constant memory, with an error of at most one bucket.

    Unreported successes belong to the bucket that is about to end.
    """

    BUCKETS: Final = 32

    __slots__ = ("_calls", "_counts", "_failures", "_included", "_newest", "_slow", "_width", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._width = seconds / self.BUCKETS
        self._counts: list[int] = []
        """The calls, failures and slow calls of each bucket, one after the other; empty before the first call."""
        self._newest: int | None = None
        self._included = 0
        self._calls = self._failures = self._slow = 0

    @property
    def turns_at(self) -> float:
        return NEVER if self._newest is None else (self._newest + 1) * self._width

    def add(self, now: float, unreported: int, *, failed: bool, slow: bool) -> int:
        self._turn(now, unreported)
        slot = self._newest or 0
        bucket = self._bucket(slot)
        self._counts[bucket] += 1
        self._calls += 1
        if failed:
            self._counts[bucket + 1] += 1
            self._failures += 1
        if slow:
            self._counts[bucket + 2] += 1
            self._slow += 1
        return slot

    def mark_failed(self, slot: int, now: float, unreported: int) -> None:
        self._turn(now, unreported)
        if self._newest is not None and slot > self._newest - self.BUCKETS:
            self._counts[self._bucket(slot) + 1] += 1
            self._failures += 1

    def totals(self, now: float, unreported: int) -> WindowTotals:
        self._turn(now, unreported)
        return WindowTotals(self._calls, self._failures, self._slow)

    def _turn(self, now: float, unreported: int) -> None:
        """Empty the buckets whose time has passed; there are at most BUCKETS of them."""
        current = int(now // self._width)
        if self._newest is None:
            self._counts, self._newest = [0] * (3 * self.BUCKETS), current
        new, self._included = unreported - self._included, unreported
        self._counts[self._bucket(self._newest)] += new
        self._calls += new
        for number in range(max(self._newest + 1, current - self.BUCKETS + 1), current + 1):
            bucket = self._bucket(number)
            calls, failures, slow = self._counts[bucket : bucket + 3]
            self._calls -= calls
            self._failures -= failures
            self._slow -= slow
            self._counts[bucket : bucket + 3] = 0, 0, 0
        # Another thread may have read the clock earlier and arrive later: time never runs back here.
        self._newest = max(self._newest, current)

    def _bucket(self, slot: int) -> int:
        """Where the counts of a slot begin."""
        return slot % self.BUCKETS * 3
