"""The machine across states: a new circuit, closing again, and forced states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.permits import NO_GENERATION
from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import FAILING, RECOVERY, SLOW, SLOWING, Harness, policy

if TYPE_CHECKING:
    from otel_breaker.core.policy import Policy

THREE = policy(ConsecutiveFailures(3))


def test_a_new_circuit_is_closed_and_knows_nothing() -> None:
    harness = Harness(FAILING)

    assert harness.state is CircuitState.CLOSED
    assert (harness.machine.generation, harness.machine.failure_count) == (0, 0)
    assert harness.counts == Counts(0, 0, 0, 0)


def test_a_circuit_that_closes_begins_with_an_empty_memory() -> None:
    harness = Harness(policy(ConsecutiveFailures(1), FailureRate(1, 10), calls=10))
    harness.call(Outcome.SUCCESS, times=5)
    harness.half_open()

    harness.call(Outcome.SUCCESS)

    assert harness.counts == Counts(0, 0, 0, 0)
    assert harness.standing_permit is not None


def test_failures_are_numbered_through_the_whole_life_of_a_circuit() -> None:
    harness = Harness(policy())
    harness.half_open()
    harness.call(Outcome.SUCCESS)

    harness.call(Outcome.FAILURE)

    assert harness.machine.failure_count == 2


def test_a_success_of_an_earlier_generation_is_not_in_the_window() -> None:
    harness = Harness(FAILING)
    earlier = harness.admit()
    harness.machine.reset(harness.clock())

    harness.record_outcome(earlier, Outcome.SUCCESS)

    assert harness.counts == Counts(0, 0, 0, 0)


def test_a_success_that_was_let_pass_by_force_is_not_in_the_window() -> None:
    harness = Harness(FAILING)
    harness.machine.force_closed(harness.clock())
    unjudged = harness.admit()
    harness.machine.reset(harness.clock())

    harness.record_outcome(unjudged, Outcome.SUCCESS)

    assert harness.counts == Counts(0, 0, 0, 0)


def test_a_reset_forgets_what_was_counted_in_a_closed_circuit_too() -> None:
    harness = Harness(policy(ConsecutiveFailures(3), FailureRate(1, 10), calls=10))
    harness.call(Outcome.FAILURE, times=2)
    harness.clock.advance(5)

    transition = harness.machine.reset(harness.clock())

    assert transition is None
    assert harness.counts == Counts(0, 0, 0, 0)


def test_after_a_reset_calls_in_flight_have_no_effect() -> None:
    harness = Harness(policy())
    earlier = harness.admit()
    harness.machine.reset(harness.clock())

    transition = harness.record_outcome(earlier, Outcome.FAILURE)

    assert transition is None
    assert harness.machine.failure_count == 0


def test_a_reset_resets_the_backoff() -> None:
    harness = Harness(policy(backoff=2))
    harness.half_open()
    harness.call(Outcome.FAILURE)
    harness.machine.reset(harness.clock())

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert transition.open_time == RECOVERY


def test_a_circuit_forced_open_refuses_without_a_time_to_retry() -> None:
    harness = Harness(policy())

    transition = harness.machine.force_open(harness.clock())

    assert transition is not None
    assert (transition.reason, transition.open_time, transition.threshold) == (Reason.MANUAL, None, None)
    assert harness.refuses()
    assert harness.machine.retry_after(harness.clock()) is None


def test_a_pending_deadline_does_not_undo_a_forced_state() -> None:
    harness = Harness(policy())
    harness.open()
    harness.machine.force_open(harness.clock())
    harness.clock.advance(RECOVERY * 2)

    transition = harness.cool_down()

    assert transition is None
    assert harness.state is CircuitState.FORCED_OPEN


def test_an_expired_probe_does_not_end_a_forced_state() -> None:
    harness = Harness(policy())
    harness.half_open()
    harness.admit()
    harness.machine.force_closed(harness.clock())
    harness.clock.advance(RECOVERY * 2)

    transition = harness.expire()

    assert transition is None
    assert harness.machine.probes_in_flight == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_circuit_forced_closed_lets_all_calls_pass_and_evaluates_no_rule(outcome: Outcome) -> None:
    harness = Harness(policy())
    harness.machine.force_closed(harness.clock())

    permit = harness.admit()
    transition = harness.record_outcome(permit, outcome)

    assert transition is None
    assert (permit.state, permit.generation, permit.started) == (harness.state, NO_GENERATION, harness.clock())
    assert harness.state is CircuitState.FORCED_CLOSED
    assert harness.standing_permit is None


def test_a_transition_by_hand_has_the_counts_before_it() -> None:
    harness = Harness(THREE)
    harness.call(Outcome.FAILURE, times=2)

    transition = harness.machine.force_open(harness.clock())

    assert transition is not None
    assert transition.counts == Counts(2, 0, 0, 0)


def test_a_circuit_is_idle_when_nothing_is_held_against_it_or_watched() -> None:
    harness = Harness(SLOWING)
    new = harness.machine.is_idle
    permit = harness.admit()
    busy = harness.machine.is_idle
    harness.record_outcome(permit, Outcome.FAILURE)
    failing = harness.machine.is_idle
    harness.call(Outcome.SUCCESS)

    assert (new, busy, failing, harness.machine.is_idle) == (True, False, False, True)


@pytest.mark.parametrize("numbers", [policy(), policy(slow=2), policy(FailureRate(0.5, 4), seconds=8)])
def test_a_call_that_is_not_timed_leaves_a_circuit_idle(numbers: Policy) -> None:
    harness = Harness(numbers)

    harness.admit(exclusive=True)

    assert harness.machine.is_idle


@pytest.mark.parametrize("state", [state for state in CircuitState if state is not CircuitState.CLOSED])
def test_only_a_closed_circuit_is_idle(state: CircuitState) -> None:
    harness = Harness(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))
    harness.call(Outcome.SUCCESS, lasts=SLOW)
    if state is CircuitState.HALF_OPEN:
        harness.half_open()
    elif state is CircuitState.FORCED_OPEN:
        harness.machine.force_open(harness.clock())
    elif state is CircuitState.FORCED_CLOSED:
        harness.machine.force_closed(harness.clock())

    assert harness.state is state
    assert not harness.machine.is_idle
