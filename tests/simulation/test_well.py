"""How many calls an adaptive limit refuses of a dependency that is well: it answers any number of calls at once."""

from __future__ import annotations

from math import exp, log
from random import Random
from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.concurrency import ConcurrencyLimit
from otel_breaker.settings import Settings
from tests.simulation.events import Events
from tests.simulation.guards import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.clients import Guard

pytestmark = pytest.mark.slow

SECONDS = 120.0


class Load:
    """Calls of one client. A duration is a function of a random number generator."""

    def __init__(self, failing: float = 0.0) -> None:
        self.random = Random(1)
        self.events = Events(SECONDS)
        self.guard: Guard = Breaker(self.random.random, Settings(failure_threshold=None), ConcurrencyLimit(None, None))
        self.failing = failing
        self.calls = self.refused = 0

    def call(self, lasts: Callable[[Random], float]) -> float:
        """Make one call; returns the seconds until its end, or until a refused one is tried again."""
        self.calls += 1
        ticket = self.guard.admit(self.events.now, 0)
        if ticket is None:
            self.refused += 1
            return 0.1
        seconds = lasts(self.random)
        self.events.after(seconds, self._end, ticket)
        return seconds

    def keep_in_flight(self, number: int, lasts: Callable[[Random], float], begins: float = 0.0) -> None:
        """As many callers, each of which makes one call after the other."""

        def again(_: object = None) -> None:
            self.events.after(self.call(lasts), again)

        for _ in range(number):
            self.events.after(begins, again)

    def arrive(self, rate: float, lasts: Callable[[Random], float]) -> None:
        """Calls that arrive at random."""

        def again(_: object = None) -> None:
            self.call(lasts)
            self.events.after(self.random.expovariate(rate), again)

        again()

    def burst(self, number: int, every: float, lasts: Callable[[Random], float]) -> None:
        def again(_: object = None) -> None:
            for _ in range(number):
                self.call(lasts)
            self.events.after(every, again)

        self.events.after(every, again)

    def refused_share(self) -> float:
        self.events.run(SECONDS)
        return self.refused / self.calls

    def _end(self, ticket: object) -> None:
        self.guard.end(ticket, self.events.now, failed=self.random.random() < self.failing)


def around(seconds: float) -> Callable[[Random], float]:
    return lambda random: random.lognormvariate(log(seconds), 0.5)


def mixed(random: Random) -> float:
    """From 1 ms to 2 s, each order of magnitude as likely."""
    return exp(random.uniform(log(0.001), log(2.0)))


def constant(load: Load) -> None:
    load.keep_in_flight(50, around(0.03))


def few(load: Load) -> None:
    load.arrive(20, around(0.05))


def durations_of_all_kinds(load: Load) -> None:
    load.arrive(50, mixed)


def a_first_call_of_two_seconds(load: Load) -> None:
    load.call(lambda _: 2.0)
    load.keep_in_flight(10, around(0.02), begins=2.0)


def long_polls_beside_short_calls(load: Load) -> None:
    load.keep_in_flight(10, lambda _: 30.0)
    load.arrive(50, around(0.02))


def bursts(load: Load) -> None:
    load.burst(100, 10.0, around(0.05))


def bursts_after_a_quiet_time(load: Load) -> None:
    load.arrive(1, around(0.05))
    load.burst(100, 60.0, around(0.05))


@pytest.mark.parametrize(
    "load_of",
    [
        constant,
        few,
        durations_of_all_kinds,
        a_first_call_of_two_seconds,
        long_polls_beside_short_calls,
        bursts,
        bursts_after_a_quiet_time,
    ],
)
def test_less_than_one_call_in_a_hundred_is_refused(load_of: Callable[[Load], None]) -> None:
    load = Load()
    load_of(load)

    assert load.refused_share() < 0.01


@pytest.mark.parametrize(("in_flight", "seconds"), [(5, 0.001), (5, 0.03), (50, 0.03)])
def test_one_error_in_fifty_refuses_next_to_nothing(seconds: float, in_flight: int) -> None:
    load = Load(failing=0.02)
    load.keep_in_flight(in_flight, around(seconds))

    assert load.refused_share() < 0.01


def test_one_error_in_a_hundred_mixed_durations_refuses_next_to_nothing() -> None:
    load = Load(failing=0.01)
    load.arrive(300, mixed)

    assert load.refused_share() < 0.01


def test_one_error_in_ten_refuses_a_small_share() -> None:
    load = Load(failing=0.1)
    load.arrive(200, around(0.05))

    assert load.refused_share() < 0.03
