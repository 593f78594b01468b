"""Calls that are timed: in flight while they run, and slow from the set duration on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker
from tests.guard.fast_paths.paths import LIMITED, PATHS, TIMED, Broken, Path, counted_lock, raising, run_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.core.permits import Permit
    from tests.fakes import FakeClock

timed_path = pytest.mark.parametrize(
    "path", [name for name, each in PATHS.items() if each.settings in (TIMED, LIMITED)], indirect=True
)


@timed_path
def test_a_timed_call_that_is_overdue_counts_as_slow_before_it_ends(path: Path) -> None:
    breaker, seen = path.breaker(minimum_calls=9), []

    def hang() -> None:
        path.clock.advance(5)
        run_function(breaker, int)
        seen.append(breaker.snapshot().window_slow)

    path.run(breaker, hang)

    assert seen == [1]


@timed_path
@pytest.mark.parametrize(("seconds", "slow"), [(4.5, 0), (5, 1)])
def test_a_timed_success_is_slow_from_the_set_duration_on(path: Path, seconds: float, slow: int) -> None:
    breaker = path.breaker(failure_threshold=9, minimum_calls=9)

    path.run(breaker, lambda: path.clock.advance(seconds))

    snapshot = breaker.snapshot()
    assert (snapshot.window_calls, snapshot.window_slow) == (2, slow)


@timed_path
def test_a_timed_success_that_ends_when_another_call_may_be_overdue_is_recorded_under_the_lock(path: Path) -> None:
    breaker = path.breaker()
    path.clock.advance(2)
    lock = counted_lock(breaker)

    path.run(breaker, lambda: path.clock.advance(4))

    assert lock.taken > 0
    assert breaker.snapshot().window_slow == 0


@timed_path
def test_a_timed_call_that_begins_when_another_may_be_overdue_is_admitted_under_the_lock(path: Path) -> None:
    breaker, taken = path.breaker(), []
    path.clock.advance(5)
    lock = counted_lock(breaker)

    path.run(breaker, lambda: taken.append(lock.taken))

    assert taken == [1]


@timed_path
def test_a_timed_call_is_in_flight_only_while_it_runs(path: Path) -> None:
    breaker, during = path.breaker(failure_threshold=9), []

    path.run(breaker, lambda: during.append(breaker.is_idle))
    with pytest.raises(Broken):
        path.run(breaker, lambda: raising(Broken()))
    path.run(breaker, int)

    assert during == [False]
    assert breaker.is_idle


@pytest.mark.parametrize("started", [0.0, 0.1, 7.3, 1e9])
@pytest.mark.parametrize("limit", [0.1, 5, 0.3])
@pytest.mark.parametrize("more", [-1e-9, 0.0, 1e-9])
def test_the_timed_path_and_the_policy_agree_on_what_is_slow(started: float, limit: float, more: float) -> None:
    breaker = CircuitBreaker("shop", slow_call_duration=limit, slow_call_rate=0.5)
    period = breaker._circuit.fast_path.timed_period
    assert period is not None
    now = started + limit + more

    assert period._policy.is_slow(started, now) is not (now < started + period.slow_after)


def test_the_timed_path_makes_the_permit_that_a_period_makes(clock: FakeClock) -> None:
    breaker = CircuitBreaker("shop", clock=clock, **TIMED)
    with pytest.raises(Broken):
        run_function(breaker, lambda: raising(Broken()))
    breaker.reset()
    run_function(breaker, int)
    held: list[Permit] = []

    def look() -> None:
        period = breaker._circuit.fast_path.timed_period
        assert period is not None
        held.extend(period.in_flight)
        held.append(period.admit_quietly(clock()))
        period.leave(held[-1])

    run_function(breaker, look)

    written_out, made = held
    parts = ("generation", "failure_count", "started", "state", "is_shared", "deadline", "window_slot")
    assert [getattr(written_out, part) for part in parts] == [getattr(made, part) for part in parts]
    assert written_out.failure_count == 1


@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
def test_the_time_of_a_generators_consumer_is_not_the_calls(
    traced: bool, clock: FakeClock, request: pytest.FixtureRequest
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = CircuitBreaker("shop", clock=clock, **{**TIMED, "minimum_calls": 9})

    @breaker
    def items(seconds: float) -> Iterator[None]:
        for _ in range(2):
            clock.advance(seconds)
            yield

    for _ in items(1):
        clock.advance(100)
    slow_before = breaker.snapshot().window_slow
    list(items(7))

    assert (slow_before, breaker.snapshot().window_slow) == (0, 1)
