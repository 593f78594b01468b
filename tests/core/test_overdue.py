"""Calls in flight for longer than is slow: they count before they return, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.circuit import Circuit
from otel_breaker.core.in_flight import CallsInFlight
from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome, Reason
from otel_breaker.settings import Settings
from tests.core.harness import SLOW, SLOWING, Harness, policy

if TYPE_CHECKING:
    from tests.fakes import FakeClock

WATCHING = policy(ConsecutiveFailures(99), FailureRate(1, 99), SlowCallRate(1, 99), calls=10, slow=SLOW)


def test_calls_that_hang_trip_before_they_return() -> None:
    rig = Harness(SLOWING)
    hanging = [rig.admit() for _ in range(4)]
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is not None
    assert moved.reason is Reason.SLOW_CALL_RATE
    assert moved.counts == Counts(0, 4, 0, 4)
    assert moved.overdue is hanging[-1]


def test_a_call_is_not_overdue_before_the_limit() -> None:
    rig = Harness(WATCHING)
    rig.admit()
    rig.clock.advance(SLOW - 0.001)

    rig.sweep()

    assert rig.counts == Counts(0, 0, 0, 0)


def test_only_the_calls_that_are_late_are_overdue() -> None:
    rig = Harness(WATCHING)
    rig.admit()
    rig.clock.advance(SLOW / 2)
    rig.admit()
    rig.clock.advance(SLOW / 2)

    rig.sweep()

    assert rig.counts == Counts(0, 1, 0, 1)


def test_an_overdue_call_counts_towards_the_minimum_of_calls() -> None:
    rig = Harness(SLOWING)
    rig.call(Outcome.SUCCESS, lasts=SLOW, times=3)
    rig.admit()
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is not None
    assert moved.counts.window_calls == 4


def test_a_call_is_overdue_once() -> None:
    rig = Harness(WATCHING)
    rig.admit()
    rig.clock.advance(SLOW)

    rig.sweep()
    rig.sweep()

    assert rig.counts == Counts(0, 1, 0, 1)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.IGNORED, Outcome.CANCELLED])
def test_an_overdue_call_that_ends_well_is_not_counted_again(outcome: Outcome) -> None:
    rig = Harness(WATCHING)
    late = rig.admit()
    rig.clock.advance(SLOW)
    rig.sweep()

    rig.record_outcome(late, outcome)

    assert rig.counts == Counts(0, 1, 0, 1)


def test_an_overdue_call_that_fails_late_is_marked_where_it_was_counted() -> None:
    rig = Harness(WATCHING)
    late = rig.admit()
    rig.clock.advance(SLOW)
    rig.sweep()

    rig.record_outcome(late, Outcome.FAILURE)

    assert rig.counts == Counts(1, 1, 1, 1)


def test_an_overdue_call_that_fails_when_the_window_has_forgotten_it_marks_no_other() -> None:
    rig = Harness(WATCHING)
    late = rig.admit()
    rig.clock.advance(SLOW)
    rig.sweep()
    rig.call(Outcome.SUCCESS, times=10)

    rig.record_outcome(late, Outcome.FAILURE)

    assert rig.counts == Counts(1, 10, 0, 0)


def test_a_late_failure_may_trip() -> None:
    rig = Harness(policy(FailureRate(0.5, 2), SlowCallRate(1, 9), calls=10, slow=SLOW))
    rig.call(Outcome.SUCCESS)
    late = rig.admit()
    rig.clock.advance(SLOW)
    rig.sweep()

    moved = rig.record_outcome(late, Outcome.FAILURE)

    assert moved is not None
    assert moved.reason is Reason.FAILURE_RATE
    assert moved.counts == Counts(1, 2, 1, 1)


def test_the_sweep_stops_at_the_call_that_trips() -> None:
    rig = Harness(SLOWING)
    hanging = [rig.admit() for _ in range(6)]
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is not None
    assert moved.overdue is hanging[3]
    assert moved.counts == Counts(0, 4, 0, 4)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.FAILURE, Outcome.CANCELLED])
def test_a_call_that_has_ended_is_never_overdue(outcome: Outcome) -> None:
    rig = Harness(WATCHING)
    rig.call(outcome)
    before = rig.counts
    rig.clock.advance(SLOW)

    rig.sweep()

    assert rig.counts == before


def test_a_circuit_that_was_reset_knows_of_no_call_in_flight() -> None:
    rig = Harness(SLOWING)
    for _ in range(4):
        rig.admit()
    rig.machine.reset(rig.clock())
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is None
    assert rig.counts == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("state", [CircuitState.OPEN, CircuitState.HALF_OPEN])
def test_calls_are_overdue_only_while_the_circuit_is_closed(state: CircuitState) -> None:
    rig = Harness(policy(ConsecutiveFailures(1), SlowCallRate(0.5, 1), calls=10, slow=SLOW))
    rig.admit()
    rig.half_open()
    if state is CircuitState.OPEN:
        rig.call(Outcome.FAILURE)
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is None
    assert rig.state is state


def test_in_a_forked_child_no_call_of_the_parent_is_overdue() -> None:
    rig = Harness(SLOWING)
    for _ in range(4):
        rig.admit()
    rig.machine.forget_calls_in_flight()
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is None


def test_nothing_is_watched_without_a_window_to_count_it_in() -> None:
    rig = Harness(policy(ConsecutiveFailures(1), slow=SLOW))
    rig.admit()
    rig.clock.advance(SLOW)

    moved = rig.sweep()

    assert moved is None
    assert rig.counts == Counts(0, 0, 0, 0)


def test_a_slow_success_is_one_call_for_the_minimum_too(clock: FakeClock) -> None:
    said = {"slow_call_duration": SLOW, "slow_call_rate": 0.5, "minimum_calls": 2, "window": 10}
    circuit = Circuit("payments", None, Settings.from_mapping(said), clock=clock)
    permit, _ = circuit.acquire_permit()
    assert isinstance(permit, Permit)
    clock.advance(SLOW)

    circuit.record_outcome(permit, Outcome.SUCCESS)

    assert circuit.state is CircuitState.CLOSED
    assert circuit.snapshot().window_calls == 1


def test_many_overdue_calls_are_found_in_few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes as long as there were calls before the oldest: one for each call would take for ever."""
    rig, looks, find = Harness(WATCHING), list[int](), CallsInFlight._oldest

    def look(calls: CallsInFlight, number: int) -> list[Permit]:
        looks.append(number)
        return find(calls, number)

    monkeypatch.setattr(CallsInFlight, "_oldest", look)
    for _ in range(10_000):
        rig.admit()
    rig.clock.advance(SLOW)

    rig.sweep()

    assert rig.counts.window_slow == 10  # the window's
    assert len(looks) < 15
