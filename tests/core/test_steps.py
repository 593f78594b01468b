"""A call of several steps, such as a generator's: each step is timed, its consumer is not."""

from __future__ import annotations

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import MIDDLE, RECOVERY, SLOW, Harness, policy

WATCHING = policy(ConsecutiveFailures(99), SlowCallRate(1, 99), calls=10, slow=SLOW)
LONG = SLOW * 100


def test_a_slow_consumer_makes_no_slow_call() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    for _ in range(3):
        rig.clock.advance(SLOW / 2)
        rig.machine.suspend(steps, rig.clock(), MIDDLE)
        rig.clock.advance(LONG)
        rig.sweep()
        rig.machine.resume(steps, rig.clock())

    rig.record_outcome(steps, Outcome.SUCCESS)

    assert rig.counts == Counts(0, 1, 0, 0)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.CANCELLED])
def test_a_call_that_ends_while_its_consumer_is_busy_is_not_slow(outcome: Outcome) -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.machine.suspend(steps, rig.clock(), MIDDLE)
    rig.clock.advance(LONG)

    rig.record_outcome(steps, outcome)

    assert rig.counts.window_slow == 0


def test_a_call_that_waits_for_its_consumer_does_not_hide_one_that_hangs() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.machine.suspend(steps, rig.clock(), MIDDLE)
    rig.admit()
    rig.clock.advance(SLOW)

    rig.sweep()

    assert rig.counts == Counts(0, 1, 0, 1)


def test_a_slow_step_makes_a_slow_call_at_once() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.clock.advance(SLOW)

    rig.machine.suspend(steps, rig.clock(), MIDDLE)

    assert rig.counts == Counts(0, 1, 0, 1)


def test_a_later_step_may_be_the_slow_one() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.machine.suspend(steps, rig.clock(), MIDDLE)
    rig.machine.resume(steps, rig.clock())
    rig.clock.advance(SLOW)

    rig.record_outcome(steps, Outcome.SUCCESS)

    assert rig.counts == Counts(0, 1, 0, 1)


def test_a_later_step_that_hangs_is_overdue() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.machine.suspend(steps, rig.clock(), MIDDLE)
    rig.machine.resume(steps, rig.clock())
    rig.clock.advance(SLOW)

    rig.sweep()

    assert rig.counts == Counts(0, 1, 0, 1)


def test_a_call_of_many_slow_steps_is_slow_once() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    for _ in range(3):
        rig.clock.advance(SLOW)
        rig.sweep()
        rig.machine.suspend(steps, rig.clock(), MIDDLE)
        rig.machine.resume(steps, rig.clock())
    rig.clock.advance(SLOW)

    rig.record_outcome(steps, Outcome.FAILURE)

    assert rig.counts == Counts(1, 1, 1, 1)


def test_a_slow_step_may_trip() -> None:
    rig = Harness(policy(SlowCallRate(1, 1), calls=10, slow=SLOW))
    steps = rig.admit()
    rig.clock.advance(SLOW)

    moved = rig.machine.suspend(steps, rig.clock(), MIDDLE)

    assert moved is not None
    assert (moved.reason, moved.overdue) == (Reason.SLOW_CALL_RATE, steps)


def test_the_steps_of_an_earlier_generation_change_nothing() -> None:
    rig = Harness(WATCHING)
    steps = rig.admit()
    rig.machine.reset(rig.clock())
    rig.clock.advance(SLOW)

    moved = rig.machine.suspend(steps, rig.clock(), MIDDLE)
    rig.machine.resume(steps, rig.clock())
    rig.clock.advance(SLOW)
    rig.sweep()

    assert moved is None
    assert rig.counts == Counts(0, 0, 0, 0)


def test_the_steps_of_a_probe_are_under_its_deadline_and_not_watched() -> None:
    rig = Harness(policy(ConsecutiveFailures(1), SlowCallRate(1, 1), calls=10, slow=SLOW, backoff=2))
    rig.half_open()
    probe = rig.admit()
    deadline = probe.deadline
    rig.clock.advance(SLOW)

    moved = rig.machine.suspend(probe, rig.clock(), MIDDLE)
    rig.machine.resume(probe, rig.clock())

    assert moved is None
    assert (rig.state, probe.deadline) == (CircuitState.HALF_OPEN, deadline)
    relapse = rig.record_outcome(probe, Outcome.FAILURE)
    assert relapse is not None
    assert relapse.open_time == RECOVERY * 2


@pytest.mark.parametrize("slow", [None, SLOW])
def test_no_step_is_counted_where_there_is_no_window(slow: float | None) -> None:
    rig = Harness(policy(ConsecutiveFailures(9), slow=slow))
    steps = rig.admit(exclusive=True)
    rig.clock.advance(LONG)

    moved = rig.machine.suspend(steps, rig.clock(), MIDDLE)

    assert moved is None
    assert rig.counts == Counts(0, 0, 0, 0)
