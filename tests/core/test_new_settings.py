"""A circuit with replaced settings: what it keeps, and what it cannot keep."""

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
    harness = Harness(THREE)
    harness.call(Outcome.FAILURE, times=2)

    harness.machine.adopt(policy(ConsecutiveFailures(5)))

    assert (harness.state, harness.machine.generation, harness.counts.consecutive_failures) == (
        CircuitState.CLOSED,
        0,
        2,
    )


def test_new_settings_are_applied_to_the_next_failure() -> None:
    harness = Harness(policy(ConsecutiveFailures(9)))
    harness.call(Outcome.FAILURE, times=2)
    harness.machine.adopt(THREE)

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert transition.threshold == 3


def test_new_settings_do_not_change_a_running_open_time() -> None:
    harness = Harness(policy())
    harness.open()
    before = harness.machine.retry_at

    harness.machine.adopt(policy(backoff=3))

    assert harness.machine.retry_at == before


def test_new_settings_decide_how_long_the_next_opening_lasts() -> None:
    harness = Harness(policy())
    harness.half_open()
    harness.machine.adopt(policy(backoff=3))

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert transition.open_time == RECOVERY * 3


def test_new_settings_decide_how_many_probes_may_go_next() -> None:
    harness = Harness(policy())
    harness.open()
    harness.machine.adopt(policy(probes=2))

    harness.half_open()

    assert [harness.refuses(), harness.refuses(), harness.refuses()] == [False, False, True]


def test_a_window_that_still_fits_is_kept() -> None:
    harness = Harness(FAILING)
    harness.successes += 3
    harness.call(Outcome.FAILURE)

    harness.machine.adopt(policy(FailureRate(0.9, 4), calls=20))

    assert harness.counts == Counts(1, 4, 1, 0)


@pytest.mark.parametrize("between", [policy(), policy(FailureRate(0.5, 4), seconds=10)])
def test_a_window_that_does_not_fit_gives_way_to_an_empty_one(between: Policy) -> None:
    harness = Harness(FAILING)
    harness.successes += 3

    harness.machine.adopt(between)
    harness.machine.adopt(FAILING)

    assert harness.counts == Counts(0, 0, 0, 0)


def test_a_call_without_a_start_time_is_not_slow_under_new_settings() -> None:
    harness = Harness(THREE)
    shared = harness.admit()
    harness.machine.adopt(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))

    transition = harness.record_outcome(shared, Outcome.SUCCESS)

    assert transition is None
    assert harness.counts.window_slow == 0


@pytest.mark.parametrize("later", [policy(FailureRate(1, 9), calls=10, slow=1), policy(seconds=10, slow=1)])
def test_a_late_failure_does_not_mark_a_place_in_another_window(later: Policy) -> None:
    harness = Harness(policy(FailureRate(1, 9), seconds=20, slow=1))
    late = harness.admit()
    harness.clock.advance(1)
    harness.sweep()
    harness.machine.adopt(later)

    harness.record_outcome(late, Outcome.FAILURE)

    assert harness.counts.window_failures <= harness.counts.window_calls


@pytest.mark.parametrize("without", [policy(), policy(slow=SLOW), policy(FailureRate(0.5, 4), calls=10)])
def test_calls_in_flight_are_forgotten_when_no_rule_needs_their_duration(without: Policy) -> None:
    harness = Harness(SLOWING)
    harness.admit()
    harness.machine.adopt(without)
    harness.machine.adopt(SLOWING)
    harness.clock.advance(SLOW)

    harness.sweep()

    assert harness.counts == Counts(0, 0, 0, 0)


def test_calls_in_flight_are_overdue_by_the_new_limit() -> None:
    harness = Harness(SLOWING)
    harness.admit()
    harness.machine.adopt(policy(SlowCallRate(0.5, 4), calls=10, slow=5))
    harness.clock.advance(SLOW)
    harness.sweep()
    before = harness.counts.window_slow

    harness.clock.advance(5 - SLOW)
    harness.sweep()

    assert (before, harness.counts.window_slow) == (0, 1)
