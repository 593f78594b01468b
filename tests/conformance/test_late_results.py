"""The outcome of a call counts in the generation that admitted it, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from tests.conformance.conftest import RECOVERY, Broken, changes_of, fail, finish, hold, state_pairs, succeed

if TYPE_CHECKING:
    from otel_breaker.guard import Block
    from tests.fakes import FakeClock

ENDS = pytest.mark.parametrize("end", [None, Broken()], ids=["success", "failure"])


@ENDS
def test_a_call_from_before_the_trip_does_not_close_an_open_circuit(clock: FakeClock, end: Exception | None) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    late = hold(breaker)
    fail(breaker)

    finish(late, end)

    assert breaker.state is CircuitState.OPEN


@ENDS
def test_a_call_from_before_the_trip_does_not_answer_for_the_probe(clock: FakeClock, end: Exception | None) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    late = hold(breaker)
    fail(breaker)
    clock.advance(RECOVERY)

    with breaker.guard():
        finish(late, end)
        during = breaker.state

    assert during is CircuitState.HALF_OPEN
    assert breaker.state is CircuitState.CLOSED


def recovered_with_a_late_call(clock: FakeClock, breaker: CircuitBreaker, failures: int) -> Block:
    late = hold(breaker)
    fail(breaker, failures)
    clock.advance(RECOVERY)
    succeed(breaker)
    return late


def test_a_failure_from_before_the_trip_starts_no_streak_after_the_recovery(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, recovery_time=RECOVERY, clock=clock)
    late = recovered_with_a_late_call(clock, breaker, 2)

    finish(late, Broken())

    assert breaker.failures == 0


def test_a_success_from_before_the_trip_ends_no_streak_after_the_recovery(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, recovery_time=RECOVERY, clock=clock)
    late = recovered_with_a_late_call(clock, breaker, 2)
    fail(breaker)

    finish(late)

    assert breaker.failures == 1


@ENDS
def test_a_call_from_before_the_trip_is_not_in_the_window_after_the_recovery(
    clock: FakeClock, end: Exception | None
) -> None:
    breaker = CircuitBreaker(failure_rate=1.0, window=2, minimum_calls=2, recovery_time=RECOVERY, clock=clock)
    late = recovered_with_a_late_call(clock, breaker, 2)
    fail(breaker)

    finish(late, end)

    assert breaker.snapshot().window_calls == 1


@ENDS
def test_a_call_that_an_operator_let_pass_is_not_in_the_window_after_the_reset(
    clock: FakeClock, end: Exception | None
) -> None:
    breaker = CircuitBreaker(failure_rate=1.0, window=2, minimum_calls=2, clock=clock)
    breaker.force_closed()
    late = hold(breaker)
    breaker.reset()

    finish(late, end)

    assert breaker.snapshot().window_calls == 0


def test_a_slow_call_from_before_the_trip_is_not_in_the_window_after_the_recovery(clock: FakeClock) -> None:
    breaker = CircuitBreaker(
        failure_threshold=1, slow_call_rate=1.0, slow_call_duration=1, recovery_time=RECOVERY, clock=clock
    )
    late = recovered_with_a_late_call(clock, breaker, 1)

    finish(late)

    assert breaker.snapshot().window_slow == 0


def test_late_results_are_counted_all_the_same(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    first, second = hold(breaker), hold(breaker)
    fail(breaker)

    finish(first)
    finish(second, Broken())

    assert breaker.snapshot().calls == {"success": 1, "failure": 2, "ignored": 0, "rejected": 0, "cancelled": 0}


def test_a_late_failure_does_not_extend_the_open_time(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    late = hold(breaker)
    fail(breaker)
    clock.advance(4)

    finish(late, Broken())

    assert breaker.snapshot().retry_after == RECOVERY - 4


def test_overlapping_failures_cause_one_transition(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    changes = changes_of(breaker)
    overlapping = [hold(breaker) for _ in range(4)]

    for call in overlapping:
        with suppress(Broken):
            finish(call, Broken())

    assert state_pairs(changes) == [("closed", "open")]
