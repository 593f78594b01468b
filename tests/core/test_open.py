from __future__ import annotations

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import PROBE_TIMEOUT, RECOVERY, Harness, policy


def test_an_open_circuit_refuses_everybody() -> None:
    harness = Harness(policy())
    harness.open()

    assert harness.refuses()
    assert harness.refuses("one task")
    assert harness.standing_permit is None


def test_an_opening_has_its_open_time() -> None:
    harness = Harness(policy())
    permit = harness.admit()

    transition = harness.record_outcome(permit, Outcome.FAILURE)

    assert transition is not None
    assert (transition.at, transition.open_time) == (harness.clock(), RECOVERY)
    assert harness.machine.retry_after(harness.clock()) == RECOVERY


@pytest.mark.parametrize(("early", "begins"), [(0.001, False), (0.0, True), (-1e9, True)])
def test_probing_begins_when_the_open_time_has_passed(early: float, begins: bool) -> None:
    harness = Harness(policy())
    harness.open()
    harness.clock.advance(RECOVERY - early)

    transition = harness.cool_down()

    assert (transition is not None) is begins


def test_a_circuit_that_becomes_half_open_has_the_reason() -> None:
    harness = Harness(policy())
    harness.open()
    harness.clock.advance(RECOVERY + 5)

    transition = harness.cool_down()

    assert transition is not None
    assert (transition.target, transition.reason) == (CircuitState.HALF_OPEN, Reason.RECOVERY_TIME_ELAPSED)
    assert (transition.at, transition.open_time, transition.threshold, transition.overdue) == (
        harness.clock(),
        None,
        None,
        None,
    )


def test_time_alone_causes_no_transition() -> None:
    harness = Harness(policy())
    harness.open()
    harness.clock.advance(RECOVERY * 10)

    assert harness.state is CircuitState.OPEN
    assert harness.refuses()


@pytest.mark.parametrize(("passed", "left"), [(0, 60), (59.5, 0.5), (60, 0), (1_000, 0)])
def test_what_is_left_of_the_open_time_never_falls_below_nothing(passed: float, left: float) -> None:
    harness = Harness(policy())
    harness.open()
    harness.clock.advance(passed)

    assert harness.machine.retry_after(harness.clock()) == left


@pytest.mark.parametrize("state", [CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.FORCED_CLOSED])
def test_nothing_is_to_be_waited_for_where_calls_may_pass(state: CircuitState) -> None:
    harness = Harness(policy())
    if state is CircuitState.HALF_OPEN:
        harness.half_open()
    elif state is CircuitState.FORCED_CLOSED:
        harness.open()
        harness.machine.force_closed(harness.clock())

    assert harness.machine.retry_after(harness.clock()) == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_from_before_the_trip_changes_nothing(outcome: Outcome) -> None:
    harness = Harness(policy())
    late = harness.admit(exclusive=True)
    harness.open()
    before = (harness.machine.generation, harness.machine.retry_at, harness.machine.failure_count, harness.counts)

    transition = harness.record_outcome(late, outcome)

    assert transition is None
    assert (
        harness.machine.generation,
        harness.machine.retry_at,
        harness.machine.failure_count,
        harness.counts,
    ) == before


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_from_before_the_trip_is_no_probe(outcome: Outcome) -> None:
    harness = Harness(policy())
    late = harness.admit(exclusive=True)
    harness.half_open()

    transition = harness.record_outcome(late, outcome)

    assert transition is None
    assert harness.admit().deadline is not None


def test_what_was_known_at_the_trip_is_kept_while_the_circuit_is_open() -> None:
    harness = Harness(policy(ConsecutiveFailures(3), FailureRate(1, 10), seconds=32))
    harness.call(Outcome.SUCCESS)
    harness.call(Outcome.FAILURE, times=3)

    harness.clock.advance(1_000)

    assert harness.counts == Counts(3, 4, 3, 0)


def test_a_failure_that_requests_a_wait_opens_for_that_time() -> None:
    harness = Harness(policy())

    transition = harness.record_outcome(harness.admit(), Outcome.FAILURE, retry_after=300)

    assert transition is not None
    assert transition.open_time == 300
    assert harness.machine.retry_after(harness.clock()) == 300


def test_a_probe_that_requests_a_wait_opens_for_that_time() -> None:
    harness = Harness(policy())
    harness.half_open()

    transition = harness.record_outcome(harness.admit(), Outcome.FAILURE, retry_after=300)

    assert transition is not None
    assert transition.open_time == 300


def relapse(harness: Harness) -> float | None:
    harness.half_open()
    transition = harness.call(Outcome.FAILURE)
    return transition.open_time if transition else None


def test_each_relapse_doubles_the_open_time() -> None:
    harness = Harness(policy(backoff=2))

    assert [relapse(harness) for _ in range(5)] == [120, 240, 480, 600, 600]


def test_an_expired_probe_is_a_relapse_too() -> None:
    harness = Harness(policy(backoff=2))
    harness.half_open()
    harness.admit()
    harness.clock.advance(PROBE_TIMEOUT)

    transition = harness.expire()

    assert transition is not None
    assert transition.open_time == 120


def test_a_recovery_resets_the_backoff() -> None:
    harness = Harness(policy(backoff=2))
    relapse(harness)
    harness.half_open()
    harness.call(Outcome.SUCCESS)

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert transition.open_time == RECOVERY


def test_the_random_number_spreads_the_open_time() -> None:
    harness = Harness(policy(jitter=0.5))

    transition = harness.machine.record_outcome(harness.admit(), Outcome.FAILURE, harness.clock(), 0.0)

    assert transition is not None
    assert transition.open_time == RECOVERY * 0.5
