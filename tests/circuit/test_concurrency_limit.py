"""A limit of calls in flight: which calls take a place, and which are refused, in every state and mode."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import (
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    ConcurrencyLimitError,
    RejectionReason,
    StateChange,
)
from tests.circuit.limited import enter, in_flight, limited, refusal_of
from tests.conformance.conftest import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock


# --- the refusal


def test_a_call_over_the_limit_is_refused_and_the_circuit_stays_closed() -> None:
    breaker, changes = limited(2), list[StateChange]()
    breaker.add_listener(changes.append)

    with breaker.guard(), breaker.guard():
        refusal = refusal_of(lambda: enter(breaker))

    assert type(refusal) is ConcurrencyLimitError
    assert (refusal.state, refusal.retry_after, refusal.episode) == (CircuitState.CLOSED, None, None)
    assert (breaker.state, changes) == (CircuitState.CLOSED, [])
    assert breaker.snapshot().calls == {"success": 2, "failure": 0, "ignored": 0, "rejected": 1, "cancelled": 0}


def test_a_place_that_is_given_back_admits_the_next_call() -> None:
    breaker = limited(1)

    for _ in range(3):
        enter(breaker)

    assert breaker.snapshot().calls["success"] == 3


def test_a_refusal_by_the_limit_knows_the_limit_and_its_reason() -> None:
    breaker = limited(1)
    with breaker.guard():
        refusal = refusal_of(lambda: enter(breaker))

    assert isinstance(refusal, ConcurrencyLimitError)
    assert (refusal.rejection_reason, refusal.max_in_flight) == (RejectionReason.CONCURRENCY_LIMIT, 1)
    assert str(refusal) == f"circuit breaker '{breaker.name}' has too many calls in flight, at most 1"


def test_a_refusal_by_the_limit_survives_pickle_and_json() -> None:
    breaker = limited(1)
    with breaker.guard():
        refusal = refusal_of(lambda: enter(breaker))

    arrived = pickle.loads(pickle.dumps(refusal))
    decoded = ConcurrencyLimitError(*json.loads(json.dumps(refusal.args)))

    for copy in (arrived, decoded):
        assert type(copy) is ConcurrencyLimitError
        assert (copy.args, str(copy)) == (refusal.args, str(refusal))


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda breaker, clock: None, RejectionReason.OPEN),
        (lambda breaker, clock: (clock.advance(60), breaker.can_execute()), RejectionReason.HALF_OPEN),
        (lambda breaker, clock: breaker.force_open(), RejectionReason.FORCED_OPEN),
    ],
)
def test_a_refusal_of_the_circuit_has_the_reason_of_its_state_though_the_limit_is_reached(
    clock: FakeClock, prepare: Callable[[CircuitBreaker, FakeClock], object], reason: RejectionReason
) -> None:
    breaker = limited(1, failure_threshold=1, clock=clock)
    fail(breaker)
    prepare(breaker, clock)

    refusal = refusal_of(lambda: enter(breaker))

    assert (type(refusal), refusal.rejection_reason) == (CircuitOpenError, reason)


def test_a_refusal_that_other_code_has_made_is_one_of_an_open_circuit() -> None:
    assert CircuitOpenError("made", None, "closed").rejection_reason is RejectionReason.OPEN


def test_a_fallback_answers_a_call_over_the_limit() -> None:
    breaker = limited(1, fallback=lambda refusal: refusal.rejection_reason)

    with breaker.guard():
        answered: object = breaker.call(lambda: pytest.fail("the limit is reached"))

    assert answered is RejectionReason.CONCURRENCY_LIMIT


def test_without_the_setting_nothing_is_limited_or_counted() -> None:
    breaker = CircuitBreaker("unlimited")

    with breaker.guard(), breaker.guard():
        snapshot = breaker.snapshot()

    assert (snapshot.calls_in_flight, snapshot.max_in_flight) == (None, None)


# --- states and modes


def half_open(clock: FakeClock, **settings: Any) -> CircuitBreaker:
    breaker = limited(1, failure_threshold=1, half_open_calls=2, clock=clock, **settings)
    fail(breaker)
    clock.advance(60)
    return breaker


def test_a_probe_takes_a_place(clock: FakeClock) -> None:
    breaker = half_open(clock)

    with breaker.guard():
        assert (breaker.state, in_flight(breaker)) == (CircuitState.HALF_OPEN, 1)

    assert in_flight(breaker) == 0


def test_a_probe_that_the_limit_refuses_gives_its_lease_back(clock: FakeClock) -> None:
    breaker = half_open(clock)

    permit = breaker.can_execute()
    refusal = refusal_of(lambda: enter(breaker))

    assert (type(refusal), refusal.state) == (ConcurrencyLimitError, CircuitState.HALF_OPEN)
    assert refusal.episode == breaker.snapshot().episode
    assert breaker.snapshot().probes_in_flight == 1
    breaker.record_success(permit)
    enter(breaker)
    assert breaker.state is CircuitState.CLOSED


def test_a_call_that_runs_as_part_of_a_probe_needs_no_place(clock: FakeClock) -> None:
    breaker = limited(1, failure_threshold=1, clock=clock)
    fail(breaker)
    clock.advance(60)

    with breaker.guard(), breaker.guard():
        assert in_flight(breaker) == 1

    assert in_flight(breaker) == 0


def test_a_call_inside_another_needs_a_place_of_its_own() -> None:
    breaker = limited(1)

    with breaker.guard():
        assert type(refusal_of(lambda: enter(breaker))) is ConcurrencyLimitError


def test_forced_closed_lifts_the_limit_and_counts_the_calls() -> None:
    breaker = limited(1)
    breaker.force_closed()

    with breaker.guard(), breaker.guard():
        assert in_flight(breaker) == 2

    assert in_flight(breaker) == 0


def test_in_shadow_a_call_over_the_limit_passes_counted_as_one_that_would_have_been_refused() -> None:
    breaker = limited(1, mode="shadow", failure_threshold=1)

    with breaker.guard():
        fail(breaker)

    totals = breaker._circuit.history.counters.totals(None)
    assert {outcome.value: number for outcome, number in totals.shadowed.items()} == {"failure": 1}
    assert (breaker.state, breaker.snapshot().calls["rejected"]) == (CircuitState.CLOSED, 0)


def test_in_shadow_only_calls_that_would_have_been_admitted_are_in_flight() -> None:
    breaker = limited(1, mode="shadow")

    with breaker.guard(), breaker.guard():
        assert in_flight(breaker) == 1

    assert in_flight(breaker) == 0


def test_in_mode_off_nothing_is_limited() -> None:
    breaker = limited(1, mode="off")

    with breaker.guard(), breaker.guard():
        assert in_flight(breaker) is None
