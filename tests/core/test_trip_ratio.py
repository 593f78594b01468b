from __future__ import annotations

import pytest

from otel_breaker.core.policy import Policy
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, SlowCallRate
from otel_breaker.core.states import Outcome
from tests.core.harness import FAILING, SLOW, Harness, policy

STREAK = policy(ConsecutiveFailures(4))


def ratio(rig: Harness) -> float:
    return rig.machine.trip_ratio(rig.clock())


@pytest.mark.parametrize("lives_by", [STREAK, FAILING, policy(seconds=10)])
def test_it_is_zero_before_anything_failed(lives_by: Policy) -> None:
    rig = Harness(lives_by)
    rig.call(Outcome.SUCCESS)

    assert ratio(rig) == 0.0


def test_it_is_the_share_of_the_threshold_that_was_seen() -> None:
    rig = Harness(STREAK)

    rig.call(Outcome.FAILURE, times=3)

    assert ratio(rig) == 0.75


def test_it_is_that_of_the_nearest_rule() -> None:
    rig = Harness(policy(ConsecutiveFailures(10), FailureRate(0.8, 4), SlowCallRate(0.5, 4), calls=10, slow=SLOW))

    rig.call(Outcome.SUCCESS, lasts=SLOW)
    rig.call(Outcome.SUCCESS, times=2)
    rig.call(Outcome.FAILURE)

    assert ratio(rig) == 0.5  # one in four was slow, a half would trip


def test_a_rate_is_zero_below_its_minimum_of_calls() -> None:
    rig = Harness(FAILING)

    rig.call(Outcome.FAILURE, times=3)

    assert ratio(rig) == 0.0


def test_it_is_at_most_one_though_a_threshold_was_lowered() -> None:
    rig = Harness(STREAK)
    rig.call(Outcome.FAILURE, times=3)

    rig.machine.adopt(policy(ConsecutiveFailures(2)))

    assert ratio(rig) == 1.0


def test_it_is_zero_when_no_rule_is_on() -> None:
    rig = Harness(policy(FailureRate(1.0, 4), calls=10))
    rig.machine.adopt(Policy((), None, None, None, 60.0, 1.0, 600.0, 0.0, 1, 20.0))

    assert ratio(rig) == 0.0


def test_it_falls_as_a_window_of_time_moves_on() -> None:
    rig = Harness(policy(FailureRate(0.5, 2), seconds=10))
    rig.call(Outcome.SUCCESS, times=3)
    rig.call(Outcome.FAILURE)
    before = ratio(rig)

    rig.clock.advance(11)

    assert (before, ratio(rig)) == (0.5, 0.0)


def test_it_is_one_from_the_trip_to_the_recovery() -> None:
    rig = Harness(policy(ConsecutiveFailures(1)))
    rig.open()
    tripped = ratio(rig)
    rig.half_open()
    probing = ratio(rig)

    rig.call(Outcome.SUCCESS)

    assert (tripped, probing, ratio(rig)) == (1.0, 1.0, 0.0)


def test_a_circuit_that_is_forced_open_refuses_as_if_tripped() -> None:
    rig = Harness(STREAK)

    rig.machine.force_open(rig.clock())

    assert ratio(rig) == 1.0


def test_nothing_trips_a_circuit_that_is_forced_closed() -> None:
    rig = Harness(policy(ConsecutiveFailures(1)))
    rig.open()

    rig.machine.force_closed(rig.clock())

    assert ratio(rig) == 0.0
