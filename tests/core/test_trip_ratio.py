from __future__ import annotations

import pytest

from otel_breaker.core.policy import Policy
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, SlowCallRate
from otel_breaker.core.states import Outcome
from tests.core.harness import FAILING, SLOW, Harness, policy

STREAK = policy(ConsecutiveFailures(4))


def ratio(harness: Harness) -> float:
    return harness.machine.trip_ratio(harness.clock())


@pytest.mark.parametrize("numbers", [STREAK, FAILING, policy(seconds=10)])
def test_it_is_zero_before_the_first_failure(numbers: Policy) -> None:
    harness = Harness(numbers)
    harness.call(Outcome.SUCCESS)

    assert ratio(harness) == 0.0


def test_it_is_the_share_of_the_threshold_that_was_seen() -> None:
    harness = Harness(STREAK)

    harness.call(Outcome.FAILURE, times=3)

    assert ratio(harness) == 0.75


def test_it_is_that_of_the_nearest_rule() -> None:
    harness = Harness(policy(ConsecutiveFailures(10), FailureRate(0.8, 4), SlowCallRate(0.5, 4), calls=10, slow=SLOW))

    harness.call(Outcome.SUCCESS, lasts=SLOW)
    harness.call(Outcome.SUCCESS, times=2)
    harness.call(Outcome.FAILURE)

    assert ratio(harness) == 0.5  # one in four was slow, a half would trip


def test_a_rate_is_zero_below_its_minimum_of_calls() -> None:
    harness = Harness(FAILING)

    harness.call(Outcome.FAILURE, times=3)

    assert ratio(harness) == 0.0


def test_it_is_at_most_one_though_a_threshold_was_lowered() -> None:
    harness = Harness(STREAK)
    harness.call(Outcome.FAILURE, times=3)

    harness.machine.adopt(policy(ConsecutiveFailures(2)))

    assert ratio(harness) == 1.0


def test_it_is_zero_when_no_rule_is_on() -> None:
    harness = Harness(policy(FailureRate(1.0, 4), calls=10))
    harness.machine.adopt(Policy((), None, None, None, 60.0, 1.0, 600.0, 0.0, 1, 20.0))

    assert ratio(harness) == 0.0


def test_it_falls_as_a_time_window_passes() -> None:
    harness = Harness(policy(FailureRate(0.5, 2), seconds=10))
    harness.call(Outcome.SUCCESS, times=3)
    harness.call(Outcome.FAILURE)
    before = ratio(harness)

    harness.clock.advance(11)

    assert (before, ratio(harness)) == (0.5, 0.0)


def test_it_is_one_from_the_trip_to_the_recovery() -> None:
    harness = Harness(policy(ConsecutiveFailures(1)))
    harness.open()
    tripped = ratio(harness)
    harness.half_open()
    probing = ratio(harness)

    harness.call(Outcome.SUCCESS)

    assert (tripped, probing, ratio(harness)) == (1.0, 1.0, 0.0)


def test_a_circuit_that_is_forced_open_refuses_as_if_tripped() -> None:
    harness = Harness(STREAK)

    harness.machine.force_open(harness.clock())

    assert ratio(harness) == 1.0


def test_nothing_trips_a_circuit_that_is_forced_closed() -> None:
    harness = Harness(policy(ConsecutiveFailures(1)))
    harness.open()

    harness.machine.force_closed(harness.clock())

    assert ratio(harness) == 0.0
