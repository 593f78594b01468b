"""The order of events of a simulation: the clock jumps from one to the next, so no run depends on a real clock."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Pending(Protocol):
    """What may end before its timeout."""

    is_over: bool


class Events:
    """Events and timeouts, soonest first.

    Args:
        timeout: seconds of every timeout. All are equal, so a queue keeps them in order.
    """

    def __init__(self, timeout: float) -> None:
        self.now = 0.0
        self._timeout = timeout
        self._heap: list[tuple[float, int, Callable[[Any], object], Any]] = []
        self._timeouts: deque[tuple[float, Callable[[Any], object], Any]] = deque()
        self._numbers = count()

    def after(self, seconds: float, action: Callable[[Any], object], argument: object = None) -> None:
        """Call `action` with `argument` after so many seconds."""
        heappush(self._heap, (self.now + seconds, next(self._numbers), action, argument))

    def unless_over(self, action: Callable[[Any], object], pending: Pending) -> None:
        """Call `action` with `pending` after the timeout, unless it is over by then."""
        self._timeouts.append((self.now + self._timeout, action, pending))

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        heap, timeouts = self._heap, self._timeouts
        while True:
            while timeouts and timeouts[0][2].is_over:
                timeouts.popleft()
            next_event = heap[0][0] if heap else inf
            if timeouts and timeouts[0][0] <= next_event:
                at, action, argument = timeouts.popleft()
            elif next_event < seconds:
                at, _, action, argument = heappop(heap)
            else:
                return
            if at >= seconds:
                return
            self.now = at
            action(argument)
