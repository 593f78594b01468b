"""A circuit that goes on under other settings: what it keeps, and what it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome
from tests.core.harness import FAILING, RECOVERY, SLOW, SLOWING, Harness, policy

if TYPE_CHECKING:
    from otel_breaker.core.policy import Policy

THREE = policy(ConsecutiveFailures(3))


def test_new_settings_keep_state_streak_and_generation() -> None:
    rig = Harness(THREE)
    rig.call(Outcome.FAILURE, times=2)

    rig.machine.adopt(policy(ConsecutiveFailures(5)))

    assert (rig.state, rig.machine.generation, rig.counts.consecutive_failures) == (CircuitState.CLOSED, 0, 2)


def test_new_settings_judge_the_next_failure() -> None:
    rig = Harness(policy(ConsecutiveFailures(9)))
    rig.call(Outcome.FAILURE, times=2)
    rig.machine.adopt(THREE)

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert moved.threshold == 3


def test_new_settings_leave_a_running_open_time_alone() -> None:
    rig = Harness(policy())
    rig.open()
    before = rig.machine.retry_at

    rig.machine.adopt(policy(backoff=3))

    assert rig.machine.retry_at == before


def test_new_settings_decide_how_long_the_next_opening_lasts() -> None:
    rig = Harness(policy())
    rig.half_open()
    rig.machine.adopt(policy(backoff=3))

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert moved.open_time == RECOVERY * 3


def test_new_settings_decide_how_many_probes_may_go_next() -> None:
    rig = Harness(policy())
    rig.open()
    rig.machine.adopt(policy(probes=2))

    rig.half_open()

    assert [rig.refuses(), rig.refuses(), rig.refuses()] == [False, False, True]


def test_a_window_that_still_fits_is_kept() -> None:
    rig = Harness(FAILING)
    rig.successes += 3
    rig.call(Outcome.FAILURE)

    rig.machine.adopt(policy(FailureRate(0.9, 4), calls=20))

    assert rig.counts == Counts(1, 4, 1, 0)


@pytest.mark.parametrize("between", [policy(), policy(FailureRate(0.5, 4), seconds=10)])
def test_a_window_that_does_not_fit_gives_way_to_an_empty_one(between: Policy) -> None:
    rig = Harness(FAILING)
    rig.successes += 3

    rig.machine.adopt(between)
    rig.machine.adopt(FAILING)

    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_call_whose_start_nobody_kept_is_not_slow_under_new_settings() -> None:
    rig = Harness(THREE)
    plain = rig.admit()
    rig.machine.adopt(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))

    moved = rig.record_outcome(plain, Outcome.SUCCESS)

    assert moved is None
    assert rig.counts.window_slow == 0


@pytest.mark.parametrize("later", [policy(FailureRate(1, 9), calls=10, slow=1), policy(seconds=10, slow=1)])
def test_a_late_failure_does_not_mark_a_place_in_another_window(later: Policy) -> None:
    rig = Harness(policy(FailureRate(1, 9), seconds=20, slow=1))
    late = rig.admit()
    rig.clock.advance(1)
    rig.sweep()
    rig.machine.adopt(later)

    rig.record_outcome(late, Outcome.FAILURE)

    assert rig.counts.window_failures <= rig.counts.window_calls


@pytest.mark.parametrize("without", [policy(), policy(slow=SLOW), policy(FailureRate(0.5, 4), calls=10)])
def test_calls_in_flight_are_watched_no_more_when_nothing_asks_how_long_they_take(without: Policy) -> None:
    rig = Harness(SLOWING)
    rig.admit()
    rig.machine.adopt(without)
    rig.machine.adopt(SLOWING)
    rig.clock.advance(SLOW)

    rig.sweep()

    assert rig.counts == Counts(0, 0, 0, 0)


def test_calls_in_flight_are_judged_by_the_new_limit() -> None:
    rig = Harness(SLOWING)
    rig.admit()
    rig.machine.adopt(policy(SlowCallRate(0.5, 4), calls=10, slow=5))
    rig.clock.advance(SLOW)
    rig.sweep()
    before = rig.counts.window_slow

    rig.clock.advance(5 - SLOW)
    rig.sweep()

    assert (before, rig.counts.window_slow) == (0, 1)
