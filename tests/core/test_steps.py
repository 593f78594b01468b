"""A call of several steps, such as a generator's: each step is timed, its consumer is not."""

from __future__ import annotations

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import MIDDLE, RECOVERY, SLOW, Harness, policy

WATCHING = policy(ConsecutiveFailures(99), SlowCallRate(1, 99), calls=10, slow=SLOW)
LONG = SLOW * 100


def test_a_slow_consumer_makes_no_slow_call() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    for _ in range(3):
        harness.clock.advance(SLOW / 2)
        harness.machine.suspend(steps, harness.clock(), MIDDLE)
        harness.clock.advance(LONG)
        harness.sweep()
        harness.machine.resume(steps, harness.clock())

    harness.record_outcome(steps, Outcome.SUCCESS)

    assert harness.counts == Counts(0, 1, 0, 0)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.CANCELLED])
def test_a_call_that_ends_while_its_consumer_is_busy_is_not_slow(outcome: Outcome) -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.machine.suspend(steps, harness.clock(), MIDDLE)
    harness.clock.advance(LONG)

    harness.record_outcome(steps, outcome)

    assert harness.counts.window_slow == 0


def test_a_call_that_waits_for_its_consumer_does_not_hide_one_that_hangs() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.machine.suspend(steps, harness.clock(), MIDDLE)
    harness.admit()
    harness.clock.advance(SLOW)

    harness.sweep()

    assert harness.counts == Counts(0, 1, 0, 1)


def test_a_slow_step_makes_a_slow_call_at_once() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.clock.advance(SLOW)

    harness.machine.suspend(steps, harness.clock(), MIDDLE)

    assert harness.counts == Counts(0, 1, 0, 1)


def test_a_later_step_may_be_the_slow_one() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.machine.suspend(steps, harness.clock(), MIDDLE)
    harness.machine.resume(steps, harness.clock())
    harness.clock.advance(SLOW)

    harness.record_outcome(steps, Outcome.SUCCESS)

    assert harness.counts == Counts(0, 1, 0, 1)


def test_a_later_step_that_hangs_is_overdue() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.machine.suspend(steps, harness.clock(), MIDDLE)
    harness.machine.resume(steps, harness.clock())
    harness.clock.advance(SLOW)

    harness.sweep()

    assert harness.counts == Counts(0, 1, 0, 1)


def test_a_call_of_many_slow_steps_is_slow_once() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    for _ in range(3):
        harness.clock.advance(SLOW)
        harness.sweep()
        harness.machine.suspend(steps, harness.clock(), MIDDLE)
        harness.machine.resume(steps, harness.clock())
    harness.clock.advance(SLOW)

    harness.record_outcome(steps, Outcome.FAILURE)

    assert harness.counts == Counts(1, 1, 1, 1)


def test_a_slow_step_may_trip() -> None:
    harness = Harness(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))
    steps = harness.admit()
    harness.clock.advance(SLOW)

    transition = harness.machine.suspend(steps, harness.clock(), MIDDLE)

    assert transition is not None
    assert (transition.reason, transition.overdue) == (Reason.SLOW_CALL_RATE, steps)


def test_the_steps_of_an_earlier_generation_change_nothing() -> None:
    harness = Harness(WATCHING)
    steps = harness.admit()
    harness.machine.reset(harness.clock())
    harness.clock.advance(SLOW)

    transition = harness.machine.suspend(steps, harness.clock(), MIDDLE)
    harness.machine.resume(steps, harness.clock())
    harness.clock.advance(SLOW)
    harness.sweep()

    assert transition is None
    assert harness.counts == Counts(0, 0, 0, 0)


def test_the_steps_of_a_probe_are_under_its_deadline_and_not_watched() -> None:
    harness = Harness(policy(ConsecutiveFailures(1), SlowCallRate(1, 1), calls=10, slow=SLOW, backoff=2))
    harness.half_open()
    probe = harness.admit()
    deadline = probe.deadline
    harness.clock.advance(SLOW)

    transition = harness.machine.suspend(probe, harness.clock(), MIDDLE)
    harness.machine.resume(probe, harness.clock())

    assert transition is None
    assert (harness.state, probe.deadline) == (CircuitState.HALF_OPEN, deadline)
    relapse = harness.record_outcome(probe, Outcome.FAILURE)
    assert relapse is not None
    assert relapse.open_time == RECOVERY * 2


@pytest.mark.parametrize("slow", [None, SLOW])
def test_no_step_is_counted_where_there_is_no_window(slow: float | None) -> None:
    harness = Harness(policy(ConsecutiveFailures(9), slow=slow))
    steps = harness.admit(exclusive=True)
    harness.clock.advance(LONG)

    transition = harness.machine.suspend(steps, harness.clock(), MIDDLE)

    assert transition is None
    assert harness.counts == Counts(0, 0, 0, 0)
