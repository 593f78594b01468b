"""What belongs to no single state: a new circuit, closing again, and what is done by hand."""

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
    rig = Harness(FAILING)

    assert rig.state is CircuitState.CLOSED
    assert (rig.machine.generation, rig.machine.failure_count) == (0, 0)
    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_circuit_that_closes_begins_with_an_empty_memory() -> None:
    rig = Harness(policy(ConsecutiveFailures(1), FailureRate(1, 10), calls=10))
    rig.call(Outcome.SUCCESS, times=5)
    rig.half_open()

    rig.call(Outcome.SUCCESS)

    assert rig.counts == Counts(0, 0, 0, 0)
    assert rig.standing_permit is not None


def test_failures_are_numbered_through_the_whole_life_of_a_circuit() -> None:
    rig = Harness(policy())
    rig.half_open()
    rig.call(Outcome.SUCCESS)

    rig.call(Outcome.FAILURE)

    assert rig.machine.failure_count == 2


def test_a_success_of_an_earlier_generation_is_not_in_the_window() -> None:
    rig = Harness(FAILING)
    earlier = rig.admit()
    rig.machine.reset(rig.clock())

    rig.record_outcome(earlier, Outcome.SUCCESS)

    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_success_that_was_let_pass_by_force_is_not_in_the_window() -> None:
    rig = Harness(FAILING)
    rig.machine.force_closed(rig.clock())
    unjudged = rig.admit()
    rig.machine.reset(rig.clock())

    rig.record_outcome(unjudged, Outcome.SUCCESS)

    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_reset_forgets_what_was_counted_in_a_closed_circuit_too() -> None:
    rig = Harness(policy(ConsecutiveFailures(3), FailureRate(1, 10), calls=10))
    rig.call(Outcome.FAILURE, times=2)
    rig.clock.advance(5)

    moved = rig.machine.reset(rig.clock())

    assert moved is None
    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_reset_makes_calls_in_flight_strangers() -> None:
    rig = Harness(policy())
    earlier = rig.admit()
    rig.machine.reset(rig.clock())

    moved = rig.record_outcome(earlier, Outcome.FAILURE)

    assert moved is None
    assert rig.machine.failure_count == 0


def test_a_reset_resets_the_backoff() -> None:
    rig = Harness(policy(backoff=2))
    rig.half_open()
    rig.call(Outcome.FAILURE)
    rig.machine.reset(rig.clock())

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert moved.open_time == RECOVERY


def test_a_circuit_forced_open_refuses_and_cannot_say_until_when() -> None:
    rig = Harness(policy())

    moved = rig.machine.force_open(rig.clock())

    assert moved is not None
    assert (moved.reason, moved.open_time, moved.threshold) == (Reason.MANUAL, None, None)
    assert rig.refuses()
    assert rig.machine.retry_after(rig.clock()) is None


def test_a_pending_deadline_does_not_undo_a_forced_state() -> None:
    rig = Harness(policy())
    rig.open()
    rig.machine.force_open(rig.clock())
    rig.clock.advance(RECOVERY * 2)

    moved = rig.cool_down()

    assert moved is None
    assert rig.state is CircuitState.FORCED_OPEN


def test_a_lost_probe_does_not_undo_a_forced_state() -> None:
    rig = Harness(policy())
    rig.half_open()
    rig.admit()
    rig.machine.force_closed(rig.clock())
    rig.clock.advance(RECOVERY * 2)

    moved = rig.expire()

    assert moved is None
    assert rig.machine.probes_in_flight == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_circuit_forced_closed_lets_all_calls_pass_unjudged(outcome: Outcome) -> None:
    rig = Harness(policy())
    rig.machine.force_closed(rig.clock())

    permit = rig.admit()
    moved = rig.record_outcome(permit, outcome)

    assert moved is None
    assert (permit.state, permit.generation, permit.started) == (rig.state, NO_GENERATION, rig.clock())
    assert rig.state is CircuitState.FORCED_CLOSED
    assert rig.standing_permit is None


def test_a_move_by_hand_shows_what_was_known() -> None:
    rig = Harness(THREE)
    rig.call(Outcome.FAILURE, times=2)

    moved = rig.machine.force_open(rig.clock())

    assert moved is not None
    assert moved.counts == Counts(2, 0, 0, 0)


def test_a_circuit_is_idle_when_nothing_is_held_against_it_or_watched() -> None:
    rig = Harness(SLOWING)
    new = rig.machine.is_idle
    permit = rig.admit()
    busy = rig.machine.is_idle
    rig.record_outcome(permit, Outcome.FAILURE)
    failing = rig.machine.is_idle
    rig.call(Outcome.SUCCESS)

    assert (new, busy, failing, rig.machine.is_idle) == (True, False, False, True)


@pytest.mark.parametrize("lives_by", [policy(), policy(slow=2), policy(FailureRate(0.5, 4), seconds=8)])
def test_a_call_that_nobody_watches_leaves_a_circuit_idle(lives_by: Policy) -> None:
    rig = Harness(lives_by)

    rig.admit(exclusive=True)

    assert rig.machine.is_idle


@pytest.mark.parametrize("state", [state for state in CircuitState if state is not CircuitState.CLOSED])
def test_only_a_closed_circuit_is_idle(state: CircuitState) -> None:
    rig = Harness(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))
    rig.call(Outcome.SUCCESS, lasts=SLOW)
    if state is CircuitState.HALF_OPEN:
        rig.half_open()
    elif state is CircuitState.FORCED_OPEN:
        rig.machine.force_open(rig.clock())
    elif state is CircuitState.FORCED_CLOSED:
        rig.machine.force_closed(rig.clock())

    assert rig.state is state
    assert not rig.machine.is_idle
