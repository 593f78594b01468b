"""The dependency: slots and a queue. It works on calls whose callers have left, which is how overload collapses."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tests.simulation.scenarios import Reaction

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.clients import Attempt
    from tests.simulation.events import Events
    from tests.simulation.scenarios import Deployment, Fault

_TIME_TO_FAIL: Final = 0.005
_TIME_TO_REJECT: Final = 0.002


class Dependency:
    """Works on calls as the fault lets it."""

    def __init__(self, deployment: Deployment, fault: Fault, events: Events, random: Random) -> None:
        self._deployment, self._fault, self._events = deployment, fault, events
        self._draw, self._exponential = random.random, random.expovariate
        self._queue: deque[Attempt] = deque()
        self._busy = 0
        events.after(deployment.fault_ends, self._work_on_queue)  # slots have come back

    def receive(self, attempt: Attempt) -> None:
        deployment, events = self._deployment, self._events
        if deployment.fault_begins <= events.now < deployment.fault_ends:
            elapsed = events.now - deployment.fault_begins
            reaction = self._fault.reaction(elapsed, attempt.request.shard, self._draw())
            if reaction is Reaction.HANGS:
                return
            if reaction is Reaction.FAILS:
                events.after(_TIME_TO_FAIL, attempt.fail)
                return
        if self._busy < self._slots:
            self._work_on(attempt)
        elif len(self._queue) < deployment.queue:
            self._queue.append(attempt)
        else:
            events.after(_TIME_TO_REJECT, attempt.fail)

    def is_well(self, shard: int) -> bool:
        """Whether it would answer a call now."""
        deployment, now = self._deployment, self._events.now
        if not deployment.fault_begins <= now < deployment.fault_ends:
            return True
        return self._fault.reaction(now - deployment.fault_begins, shard, 1.0) is Reaction.WORKS

    @property
    def _slots(self) -> int:
        deployment, now = self._deployment, self._events.now
        if now < deployment.fault_begins:
            return deployment.slots
        if now < deployment.fault_ends:
            return int(deployment.slots * self._fault.slots)
        return int(deployment.slots * self._fault.slots_after(now - deployment.fault_ends))

    def _work_on(self, attempt: Attempt) -> None:
        deployment, now = self._deployment, self._events.now
        during = deployment.fault_begins <= now < deployment.fault_ends
        mean = deployment.service * (self._fault.duration if during else 1.0)
        self._busy += 1
        self._events.after(self._exponential(1 / mean), self._finish, attempt)

    def _finish(self, attempt: Attempt) -> None:
        self._busy -= 1
        self._work_on_queue()
        attempt.succeed()

    def _work_on_queue(self, _: object = None) -> None:
        while self._queue and self._busy < self._slots:
            self._work_on(self._queue.popleft())
