"""Overdue calls: they count as slow before they end, and once."""

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
    harness = Harness(SLOWING)
    hanging = [harness.admit() for _ in range(4)]
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is not None
    assert transition.reason is Reason.SLOW_CALL_RATE
    assert transition.counts == Counts(0, 4, 0, 4)
    assert transition.overdue is hanging[-1]


def test_a_call_is_not_overdue_before_the_limit() -> None:
    harness = Harness(WATCHING)
    harness.admit()
    harness.clock.advance(SLOW - 0.001)

    harness.sweep()

    assert harness.counts == Counts(0, 0, 0, 0)


def test_only_the_calls_that_are_late_are_overdue() -> None:
    harness = Harness(WATCHING)
    harness.admit()
    harness.clock.advance(SLOW / 2)
    harness.admit()
    harness.clock.advance(SLOW / 2)

    harness.sweep()

    assert harness.counts == Counts(0, 1, 0, 1)


def test_an_overdue_call_counts_towards_the_minimum_of_calls() -> None:
    harness = Harness(SLOWING)
    harness.call(Outcome.SUCCESS, lasts=SLOW, times=3)
    harness.admit()
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is not None
    assert transition.counts.window_calls == 4


def test_a_call_is_overdue_once() -> None:
    harness = Harness(WATCHING)
    harness.admit()
    harness.clock.advance(SLOW)

    harness.sweep()
    harness.sweep()

    assert harness.counts == Counts(0, 1, 0, 1)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.IGNORED, Outcome.CANCELLED])
def test_an_overdue_call_that_ends_well_is_not_counted_again(outcome: Outcome) -> None:
    harness = Harness(WATCHING)
    late = harness.admit()
    harness.clock.advance(SLOW)
    harness.sweep()

    harness.record_outcome(late, outcome)

    assert harness.counts == Counts(0, 1, 0, 1)


def test_an_overdue_call_that_fails_late_is_marked_where_it_was_counted() -> None:
    harness = Harness(WATCHING)
    late = harness.admit()
    harness.clock.advance(SLOW)
    harness.sweep()

    harness.record_outcome(late, Outcome.FAILURE)

    assert harness.counts == Counts(1, 1, 1, 1)


def test_an_overdue_call_that_fails_when_the_window_has_forgotten_it_marks_no_other() -> None:
    harness = Harness(WATCHING)
    late = harness.admit()
    harness.clock.advance(SLOW)
    harness.sweep()
    harness.call(Outcome.SUCCESS, times=10)

    harness.record_outcome(late, Outcome.FAILURE)

    assert harness.counts == Counts(1, 10, 0, 0)


def test_a_late_failure_may_trip() -> None:
    harness = Harness(policy(FailureRate(0.5, 2), SlowCallRate(1, 9), calls=10, slow=SLOW))
    harness.call(Outcome.SUCCESS)
    late = harness.admit()
    harness.clock.advance(SLOW)
    harness.sweep()

    transition = harness.record_outcome(late, Outcome.FAILURE)

    assert transition is not None
    assert transition.reason is Reason.FAILURE_RATE
    assert transition.counts == Counts(1, 2, 1, 1)


def test_the_sweep_stops_at_the_call_that_trips() -> None:
    harness = Harness(SLOWING)
    hanging = [harness.admit() for _ in range(6)]
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is not None
    assert transition.overdue is hanging[3]
    assert transition.counts == Counts(0, 4, 0, 4)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.FAILURE, Outcome.CANCELLED])
def test_a_call_that_has_ended_is_never_overdue(outcome: Outcome) -> None:
    harness = Harness(WATCHING)
    harness.call(outcome)
    before = harness.counts
    harness.clock.advance(SLOW)

    harness.sweep()

    assert harness.counts == before


def test_a_circuit_that_was_reset_knows_of_no_call_in_flight() -> None:
    harness = Harness(SLOWING)
    for _ in range(4):
        harness.admit()
    harness.machine.reset(harness.clock())
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is None
    assert harness.counts == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("state", [CircuitState.OPEN, CircuitState.HALF_OPEN])
def test_calls_are_overdue_only_while_the_circuit_is_closed(state: CircuitState) -> None:
    harness = Harness(policy(ConsecutiveFailures(1), SlowCallRate(0.5, 1), calls=10, slow=SLOW))
    harness.admit()
    harness.half_open()
    if state is CircuitState.OPEN:
        harness.call(Outcome.FAILURE)
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is None
    assert harness.state is state


def test_in_a_forked_child_no_call_of_the_parent_is_overdue() -> None:
    harness = Harness(SLOWING)
    for _ in range(4):
        harness.admit()
    harness.machine.forget_calls_in_flight()
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is None


def test_nothing_is_watched_without_a_window_to_count_it_in() -> None:
    harness = Harness(policy(ConsecutiveFailures(1), slow=SLOW))
    harness.admit()
    harness.clock.advance(SLOW)

    transition = harness.sweep()

    assert transition is None
    assert harness.counts == Counts(0, 0, 0, 0)


def test_a_slow_success_is_one_call_for_the_minimum_too(clock: FakeClock) -> None:
    keywords = {"slow_call_duration": SLOW, "slow_call_rate": 0.5, "minimum_calls": 2, "window": 10}
    circuit = Circuit("payments", None, Settings.from_mapping(keywords), clock=clock)
    permit, _ = circuit.acquire_permit(circuit)
    assert isinstance(permit, Permit)
    clock.advance(SLOW)

    circuit.record_outcome(permit, Outcome.SUCCESS)

    assert circuit.state is CircuitState.CLOSED
    assert circuit.snapshot().window_calls == 1


def test_many_overdue_calls_are_found_in_few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time to find the oldest grows with the calls before it: one search for each call would take very long."""
    harness, searches, find = Harness(WATCHING), list[int](), CallsInFlight._oldest

    def search(calls: CallsInFlight, number: int) -> list[Permit]:
        searches.append(number)
        return find(calls, number)

    monkeypatch.setattr(CallsInFlight, "_oldest", search)
    for _ in range(10_000):
        harness.admit()
    harness.clock.advance(SLOW)

    harness.sweep()

    assert harness.counts.window_slow == 10  # the window's
    assert len(searches) < 15
