"""The callers: processes with a few threads each, a guard, a timeout and retries. A refused call is not retried."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.dependency import Dependency
    from tests.simulation.events import Events
    from tests.simulation.results import Results
    from tests.simulation.scenarios import Deployment, Fault


class Guard(Protocol):
    """What decides about the calls of one client."""

    def admit(self, now: float, shard: int) -> object | None:
        """Admit a call: a ticket, or None."""

    def end(self, ticket: Any, now: float, *, failed: bool) -> None:
        """Record how an admitted call ended."""

    def allows_retry(self) -> bool:
        """Whether a failed call may be tried again."""


class Request:
    """What a client has to do: one call of the dependency, tried a few times."""

    __slots__ = ("arrived", "attempts", "began", "client", "shard")

    def __init__(self, client: Client, arrived: float, shard: int) -> None:
        self.client, self.arrived, self.shard = client, arrived, shard
        self.attempts = 0
        self.began = arrived


class Attempt:
    """One call of the dependency."""

    __slots__ = ("is_over", "request", "ticket")

    def __init__(self, request: Request, ticket: object) -> None:
        self.request, self.ticket, self.is_over = request, ticket, False

    def succeed(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.request.client.end_attempt(self, failed=False)

    def fail(self, _: object = None) -> None:
        if not self.is_over:
            self.is_over = True
            self.request.client.end_attempt(self, failed=True)


class Client:
    """One process: a guard, and threads that requests wait for."""

    def __init__(
        self,
        guard: Guard,
        deployment: Deployment,
        dependency: Dependency,
        events: Events,
        random: Random,
        results: Results,
    ) -> None:
        self.guard = guard
        self._deployment, self._dependency, self._events, self._results = deployment, dependency, events, results
        self._draw = random.random
        self._free = deployment.threads
        self._waiting: deque[Request] = deque()

    def receive(self, shard: int) -> None:
        """A request arrives: a thread takes it, or it waits for one."""
        request = Request(self, self._events.now, shard)
        self._results.count_offered(request.arrived)
        if self._free:
            self._free -= 1
            self._attempt(request)
        else:
            self._waiting.append(request)

    def end_attempt(self, attempt: Attempt, *, failed: bool) -> None:
        request, deployment = attempt.request, self._deployment
        self.guard.end(attempt.ticket, self._events.now, failed=failed)
        if not failed:
            self._results.count_good(request.arrived)
        elif request.attempts < deployment.attempts and self.guard.allows_retry():
            longest = deployment.backoff * 2 ** (request.attempts - 1)
            self._events.after(self._draw() * longest, self._attempt, request)
            return
        else:
            self._results.waited += self._events.now - request.began
        self._take_next()

    def _attempt(self, request: Request) -> None:
        now = self._events.now
        ticket = self.guard.admit(now, request.shard)
        if self._dependency.is_well(request.shard):
            self._results.count_while_well(refused=ticket is None)
        if ticket is None:
            self._results.waited += now - request.began
            self._take_next()
            return
        request.attempts += 1
        attempt = Attempt(request, ticket)
        self._events.unless_over(Attempt.fail, attempt)
        self._dependency.receive(attempt)

    def _take_next(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            if self._events.now - request.arrived <= self._deployment.longest_wait:
                request.began = self._events.now
                # Not at once: refusals would nest as deep as the queue is long.
                self._events.after(0.0, self._attempt, request)
                return
        self._free += 1


class Arrivals:
    """Requests that arrive at random, at any of the clients."""

    def __init__(
        self, clients: list[Client], deployment: Deployment, fault: Fault, events: Events, random: Random
    ) -> None:
        self._clients, self._deployment, self._fault, self._events = clients, deployment, fault, events
        self._draw, self._exponential = random.random, random.expovariate
        self._plan()

    def _arrive(self, _: object) -> None:
        self._plan()
        client = self._clients[int(self._draw() * len(self._clients))]
        client.receive(int(self._draw() * self._deployment.shards))

    def _plan(self) -> None:
        deployment = self._deployment
        during = deployment.fault_begins <= self._events.now < deployment.fault_ends
        rate = deployment.rate * (self._fault.load if during else 1.0)
        self._events.after(self._exponential(rate), self._arrive)
