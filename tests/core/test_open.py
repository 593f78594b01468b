from __future__ import annotations

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import PROBE_TIMEOUT, RECOVERY, Harness, policy


def test_an_open_circuit_refuses_everybody() -> None:
    rig = Harness(policy())
    rig.open()

    assert rig.refuses()
    assert rig.refuses("somebody")
    assert rig.standing_permit is None


def test_opening_says_how_long_it_will_last() -> None:
    rig = Harness(policy())
    permit = rig.admit()

    moved = rig.record_outcome(permit, Outcome.FAILURE)

    assert moved is not None
    assert (moved.at, moved.open_time) == (rig.clock(), RECOVERY)
    assert rig.machine.retry_after(rig.clock()) == RECOVERY


@pytest.mark.parametrize(("early", "moves"), [(0.001, False), (0.0, True), (-1e9, True)])
def test_probing_begins_when_the_open_time_has_passed(early: float, moves: bool) -> None:
    rig = Harness(policy())
    rig.open()
    rig.clock.advance(RECOVERY - early)

    moved = rig.cool_down()

    assert (moved is not None) is moves


def test_a_circuit_that_begins_to_probe_says_why() -> None:
    rig = Harness(policy())
    rig.open()
    rig.clock.advance(RECOVERY + 5)

    moved = rig.cool_down()

    assert moved is not None
    assert (moved.target, moved.reason) == (CircuitState.HALF_OPEN, Reason.RECOVERY_TIME_ELAPSED)
    assert (moved.at, moved.open_time, moved.threshold, moved.overdue) == (rig.clock(), None, None, None)


def test_time_alone_moves_nothing() -> None:
    rig = Harness(policy())
    rig.open()
    rig.clock.advance(RECOVERY * 10)

    assert rig.state is CircuitState.OPEN
    assert rig.refuses()


@pytest.mark.parametrize(("passed", "left"), [(0, 60), (59.5, 0.5), (60, 0), (1_000, 0)])
def test_what_is_left_of_the_open_time_never_falls_below_nothing(passed: float, left: float) -> None:
    rig = Harness(policy())
    rig.open()
    rig.clock.advance(passed)

    assert rig.machine.retry_after(rig.clock()) == left


@pytest.mark.parametrize("state", [CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.FORCED_CLOSED])
def test_nothing_is_to_be_waited_for_where_calls_may_pass(state: CircuitState) -> None:
    rig = Harness(policy())
    if state is CircuitState.HALF_OPEN:
        rig.half_open()
    elif state is CircuitState.FORCED_CLOSED:
        rig.open()
        rig.machine.force_closed(rig.clock())

    assert rig.machine.retry_after(rig.clock()) == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_from_before_the_trip_changes_nothing(outcome: Outcome) -> None:
    rig = Harness(policy())
    late = rig.admit(exclusive=True)
    rig.open()
    before = (rig.machine.generation, rig.machine.retry_at, rig.machine.failure_count, rig.counts)

    moved = rig.record_outcome(late, outcome)

    assert moved is None
    assert (rig.machine.generation, rig.machine.retry_at, rig.machine.failure_count, rig.counts) == before


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_from_before_the_trip_is_no_probe(outcome: Outcome) -> None:
    rig = Harness(policy())
    late = rig.admit(exclusive=True)
    rig.half_open()

    moved = rig.record_outcome(late, outcome)

    assert moved is None
    assert rig.admit().deadline is not None


def test_what_was_known_at_the_trip_is_kept_while_the_circuit_is_open() -> None:
    rig = Harness(policy(ConsecutiveFailures(3), FailureRate(1, 10), seconds=32))
    rig.call(Outcome.SUCCESS)
    rig.call(Outcome.FAILURE, times=3)

    rig.clock.advance(1_000)

    assert rig.counts == Counts(3, 4, 3, 0)


def test_a_failure_that_asks_for_a_time_opens_for_that_time() -> None:
    rig = Harness(policy())

    moved = rig.record_outcome(rig.admit(), Outcome.FAILURE, retry_after=300)

    assert moved is not None
    assert moved.open_time == 300
    assert rig.machine.retry_after(rig.clock()) == 300


def test_a_probe_that_asks_for_a_time_opens_for_that_time() -> None:
    rig = Harness(policy())
    rig.half_open()

    moved = rig.record_outcome(rig.admit(), Outcome.FAILURE, retry_after=300)

    assert moved is not None
    assert moved.open_time == 300


def relapse(rig: Harness) -> float | None:
    rig.half_open()
    moved = rig.call(Outcome.FAILURE)
    return moved.open_time if moved else None


def test_each_relapse_doubles_the_open_time() -> None:
    rig = Harness(policy(backoff=2))

    assert [relapse(rig) for _ in range(5)] == [120, 240, 480, 600, 600]


def test_a_lost_probe_is_a_relapse_too() -> None:
    rig = Harness(policy(backoff=2))
    rig.half_open()
    rig.admit()
    rig.clock.advance(PROBE_TIMEOUT)

    moved = rig.expire()

    assert moved is not None
    assert moved.open_time == 120


def test_a_recovery_resets_the_backoff() -> None:
    rig = Harness(policy(backoff=2))
    relapse(rig)
    rig.half_open()
    rig.call(Outcome.SUCCESS)

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert moved.open_time == RECOVERY


def test_the_random_number_spreads_the_open_time() -> None:
    rig = Harness(policy(jitter=0.5))

    moved = rig.machine.record_outcome(rig.admit(), Outcome.FAILURE, rig.clock(), 0.0)

    assert moved is not None
    assert moved.open_time == RECOVERY * 0.5
