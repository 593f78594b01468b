from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.closed import Closed
from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import FAILING, SLOW, SLOWING, Harness, policy

if TYPE_CHECKING:
    from otel_breaker.core.policy import Policy

STREAK = policy(ConsecutiveFailures(3))
NEUTRAL = [Outcome.IGNORED, Outcome.CANCELLED]


def closed(numbers: Policy) -> Closed:
    return Closed(numbers, 7, 4, lambda: 0)


def test_all_calls_share_one_permit_while_no_call_is_timed() -> None:
    period = closed(STREAK)

    assert (
        period.admit(1_000.0, None, exclusive=False)
        is period.admit(1_001.0, "one task", exclusive=False)
        is period.shared_permit
    )


def test_a_permit_holds_the_generation_and_the_time_of_its_admission() -> None:
    permit = closed(SLOWING).admit(1_000.0, "one task", exclusive=False)

    assert (permit.generation, permit.state, permit.failure_count) == (7, CircuitState.CLOSED, 4)
    assert (permit.started, permit.owner, permit.deadline) == (1_000.0, "one task", None)
    assert not permit.shadowed


@pytest.mark.parametrize(
    ("numbers", "exclusive"), [(STREAK, True), (policy(seconds=10), True), (policy(slow=2), False)]
)
def test_a_call_that_is_timed_or_settled_by_hand_has_its_own_permit(numbers: Policy, exclusive: bool) -> None:
    period = closed(numbers)

    own = period.admit(1_000.0, None, exclusive=exclusive)

    assert own is not period.admit(1_000.0, None, exclusive=exclusive)
    assert not own.is_shared
    assert period.shared_permit.is_shared


@pytest.mark.parametrize(
    ("numbers", "expected"), [(STREAK, True), (policy(seconds=10), False), (policy(slow=2), False)]
)
def test_a_period_has_no_history_while_no_rule_needs_the_clock(numbers: Policy, expected: bool) -> None:
    assert closed(numbers).has_no_history is expected


def test_a_period_has_no_history_again_when_a_success_ends_the_streak() -> None:
    harness = Harness(STREAK)

    harness.call(Outcome.FAILURE)
    during = harness.standing_permit
    harness.call(Outcome.SUCCESS)

    assert during is None
    assert harness.standing_permit is not None


def test_a_call_from_before_a_streak_does_not_hold_the_permit_from_after_it() -> None:
    harness = Harness(STREAK)
    before = harness.admit()

    harness.call(Outcome.FAILURE)
    harness.call(Outcome.SUCCESS)

    assert harness.standing_permit is not before


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_permit_holds_how_many_failures_were_counted_before_it(failures: int) -> None:
    harness = Harness(STREAK)
    harness.call(Outcome.FAILURE, times=failures)

    assert harness.admit().failure_count == harness.machine.failure_count == failures


def test_so_many_failures_in_a_row_trip() -> None:
    harness = Harness(STREAK)
    before = harness.call(Outcome.FAILURE, times=2)

    transition = harness.call(Outcome.FAILURE)

    assert before is None
    assert transition is not None
    assert (transition.reason, transition.threshold) == (Reason.FAILURE_THRESHOLD, 3)
    assert transition.counts == Counts(3, 0, 0, 0)


def test_a_success_ends_the_streak() -> None:
    harness = Harness(STREAK)

    harness.call(Outcome.FAILURE, times=2)
    harness.call(Outcome.SUCCESS)
    harness.call(Outcome.FAILURE, times=2)

    assert harness.counts.consecutive_failures == 2
    assert harness.state is CircuitState.CLOSED


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_neutral_call_changes_neither_streak_nor_window(outcome: Outcome) -> None:
    harness = Harness(policy(ConsecutiveFailures(5), FailureRate(1, 10), calls=10))
    harness.call(Outcome.FAILURE, times=2)

    harness.call(outcome)

    assert harness.counts == Counts(2, 2, 2, 0)


def test_a_share_of_failures_trips_once_there_are_enough_calls() -> None:
    harness = Harness(FAILING)
    harness.call(Outcome.SUCCESS, times=2)
    before = harness.call(Outcome.FAILURE)

    transition = harness.call(Outcome.FAILURE)

    assert before is None
    assert transition is not None
    assert (transition.reason, transition.threshold) == (Reason.FAILURE_RATE, 0.5)
    assert transition.counts == Counts(2, 4, 2, 0)


def test_a_success_never_trips() -> None:
    harness = Harness(FAILING)
    harness.call(Outcome.FAILURE, times=3)

    transition = harness.call(Outcome.SUCCESS)

    assert transition is None
    assert harness.counts == Counts(0, 4, 3, 0)


def test_successes_that_are_only_counted_without_the_lock_dilute_the_rate() -> None:
    harness = Harness(FAILING)
    harness.successes += 5

    transition = harness.call(Outcome.FAILURE, times=4)

    assert transition is None
    assert harness.counts == Counts(4, 9, 4, 0)


def test_successes_from_before_the_period_are_not_in_its_window() -> None:
    period = Closed(FAILING, 0, 0, lambda: 50)

    assert period.counts(1_000.0) == Counts(0, 0, 0, 0)


def test_a_window_of_time_forgets_failures_of_long_ago() -> None:
    harness = Harness(policy(FailureRate(0.5, 4), seconds=32))
    harness.call(Outcome.FAILURE, times=3)
    harness.clock.advance(32)

    transition = harness.call(Outcome.FAILURE, times=3)

    assert transition is None
    assert harness.counts == Counts(6, 3, 3, 0)


def test_a_share_of_slow_calls_trips_whether_they_fail_or_not() -> None:
    harness = Harness(SLOWING)
    harness.call(Outcome.SUCCESS, times=2)
    harness.call(Outcome.SUCCESS, lasts=SLOW)

    transition = harness.call(Outcome.SUCCESS, lasts=SLOW)

    assert transition is not None
    assert (transition.reason, transition.threshold) == (Reason.SLOW_CALL_RATE, 0.5)
    assert transition.counts == Counts(0, 4, 0, 2)


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_neutral_call_that_was_slow_counts_as_slow(outcome: Outcome) -> None:
    harness = Harness(SLOWING)
    harness.call(Outcome.SUCCESS, times=3)

    harness.call(outcome, lasts=SLOW)

    assert harness.counts == Counts(0, 4, 0, 1)


def test_hangs_that_are_always_cancelled_trip() -> None:
    transition = Harness(SLOWING).call(Outcome.CANCELLED, lasts=SLOW, times=4)

    assert transition is not None
    assert transition.counts == Counts(0, 4, 0, 4)


def test_the_first_rule_that_fires_gives_the_reason() -> None:
    transition = Harness(policy(ConsecutiveFailures(2), SlowCallRate(0.5, 1), calls=10, slow=SLOW)).call(
        Outcome.FAILURE, lasts=SLOW
    )

    assert transition is not None
    assert transition.reason is Reason.SLOW_CALL_RATE


def test_any_rule_that_is_on_may_trip() -> None:
    transition = Harness(policy(FailureRate(1, 10), ConsecutiveFailures(3), calls=10)).call(Outcome.FAILURE, times=3)

    assert transition is not None
    assert transition.reason is Reason.FAILURE_THRESHOLD
