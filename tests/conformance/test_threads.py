"""Many threads with frequent switches: no call is lost or counted twice, and no limit is exceeded."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.conformance.conftest import PATIENCE, RECOVERY, Broken, changes_of, fail, state_pairs, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

CALLS = 250_000
OUTCOMES = ("success", "failure", "ignored", "rejected", "cancelled")


pytestmark = pytest.mark.usefixtures("restless")


@pytest.mark.slow
def test_in_1000_rounds_64_threads_never_get_one_probe_too_many_or_too_few(clock: FakeClock) -> None:
    crowd, rounds, leases = 64, 1_000, 2
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, half_open_calls=leases, clock=clock)
    fail(breaker)
    due = threading.Barrier(crowd, lambda: clock.advance(RECOVERY))
    refusals = [itertools.count(1) for _ in range(rounds)]
    all_have_called = [threading.Event() for _ in range(rounds)]
    admitted: list[int] = []

    def probe(number: int) -> None:
        with suppress(Broken), breaker.guard():
            admitted.append(number)
            assert all_have_called[number].wait(PATIENCE)
            raise Broken

    def go_round(_: int) -> None:
        for number in range(rounds):
            due.wait(PATIENCE)
            try:
                probe(number)
            except CircuitOpenError:
                if next(refusals[number]) == crowd - leases:
                    all_have_called[number].set()

    together(crowd, go_round)

    assert Counter(admitted) == dict.fromkeys(range(rounds), leases)


def caller(breaker: CircuitBreaker, calls: int) -> Callable[[int], Counter[str]]:
    """Makes calls of several outcomes, mostly successes, and counts each."""

    @breaker
    def call(kind: int) -> int:
        if kind == 7:
            raise Broken
        if kind == 13:
            raise KeyError
        return kind

    def make(_: int) -> Counter[str]:
        seen: Counter[str] = Counter()
        kinds = itertools.cycle(range(20))
        for kind in itertools.islice(kinds, calls):
            try:
                call(kind)
            except Broken:
                seen["failure"] += 1
            except KeyError:
                seen["ignored"] += 1
            except CircuitOpenError:
                seen["rejected"] += 1
        seen["success"] = calls - seen.total()
        return seen

    return make


def test_of_8_times_250000_calls_below_the_threshold_every_outcome_is_counted_exactly(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=8 * CALLS, ignore=KeyError, clock=clock)

    together(8, caller(breaker, CALLS))

    each = 8 * CALLS // 20
    assert breaker.snapshot().calls == {
        "success": 18 * each,
        "failure": each,
        "ignored": each,
        "rejected": 0,
        "cancelled": 0,
    }


def test_of_8_times_25000_calls_that_trip_and_recover_every_outcome_is_counted_exactly() -> None:
    ticks = itertools.count()
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=20, ignore=KeyError, clock=lambda: next(ticks))
    changes = changes_of(breaker)

    seen = sum(together(8, caller(breaker, 25_000)), Counter[str]())

    assert breaker.snapshot().calls == {outcome: seen[outcome] for outcome in OUTCOMES}
    assert seen.total() == 8 * 25_000
    assert all(seen[outcome] > 50 for outcome in ("success", "failure", "ignored", "rejected"))
    assert len(changes) > 100


def test_no_failure_of_16_threads_is_lost(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1_000_000, clock=clock)

    together(16, lambda _: fail(breaker, 2_000))

    assert breaker.failures == 32_000


def test_two_breakers_that_8_threads_trip_exactly_at_the_threshold_open_once_each_time(clock: FakeClock) -> None:
    crowd, rounds = 8, 200
    pair = [CircuitBreaker(failure_threshold=crowd, clock=clock) for _ in range(2)]
    received = [changes_of(breaker) for breaker in pair]

    def reset() -> None:
        for breaker in pair:
            breaker.reset()

    ready = threading.Barrier(crowd, reset)

    def go_round(_: int) -> None:
        for _round in range(rounds):
            ready.wait(PATIENCE)
            fail(pair[0])
            fail(pair[1])

    together(crowd, go_round)

    a_trip_each_round = [("closed", "open"), ("open", "closed")] * rounds
    assert [state_pairs(changes) for changes in received] == [a_trip_each_round[:-1]] * 2
