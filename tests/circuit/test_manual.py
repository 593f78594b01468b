"""A forced state lasts until an operator ends it, and has an actor and a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, StateChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
FORCED_OPEN, FORCED_CLOSED = CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED


def opened(clock: FakeClock) -> CircuitBreaker:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.record_failure()
    return breaker


def refuses(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.guard():
            return False
    except CircuitOpenError:
        return True


def test_a_circuit_forced_open_refuses_however_much_time_passes(clock: FakeClock) -> None:
    breaker = opened(clock)

    breaker.force_open()
    clock.advance(1_000_000)

    assert refuses(breaker)
    assert (breaker.state, breaker.snapshot().retry_after) == (FORCED_OPEN, None)


def test_a_circuit_forced_open_is_not_closed_by_a_probe_that_was_under_way(clock: FakeClock) -> None:
    breaker = opened(clock)
    clock.advance(60)
    probe = breaker.can_execute()

    breaker.force_open()
    breaker.record_success(probe)

    assert breaker.state is FORCED_OPEN


def test_a_circuit_forced_open_is_not_reopened_by_the_deadline_of_a_probe(clock: FakeClock) -> None:
    breaker = opened(clock)
    clock.advance(60)
    breaker.can_execute()

    breaker.force_open()
    clock.advance(60)

    assert refuses(breaker)
    assert breaker.state is FORCED_OPEN


def test_a_circuit_forced_closed_lets_all_pass_however_many_fail(clock: FakeClock) -> None:
    breaker = opened(clock)

    breaker.force_closed()
    for _ in range(3):
        breaker.record_failure(permit=breaker.can_execute())

    assert not refuses(breaker)
    assert breaker.state is FORCED_CLOSED
    assert breaker.snapshot().calls["failure"] == 4


def test_a_reset_gives_a_forced_circuit_back_to_its_rules() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    breaker.force_open()

    breaker.reset()
    passes = not refuses(breaker)
    breaker.record_failure()

    assert passes
    assert breaker.state is OPEN


def test_a_reset_forgets_what_was_counted_against_a_closed_circuit() -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    breaker.record_failure()

    breaker.reset()
    breaker.record_failure()

    assert (breaker.state, breaker.failures) == (CLOSED, 1)


@pytest.mark.parametrize(
    ("operate", "state"),
    [
        (CircuitBreaker.force_open, FORCED_OPEN),
        (CircuitBreaker.force_closed, FORCED_CLOSED),
        (CircuitBreaker.reset, CLOSED),
    ],
)
def test_listeners_receive_actor_and_reason_of_a_change_by_hand(
    clock: FakeClock, operate: Callable[..., None], state: CircuitState
) -> None:
    received: list[StateChange] = []
    breaker = opened(clock)
    breaker.add_listener(received.append)

    operate(breaker, reason="INC-4711", actor="ann")

    assert [(change.to_state, change.reason.value, change.manual_reason, change.actor) for change in received] == [
        (state, "manual", "INC-4711", "ann")
    ]


@pytest.mark.parametrize("operate", [CircuitBreaker.force_open, CircuitBreaker.force_closed])
def test_a_snapshot_has_actor_and_reason_of_a_forced_state(operate: Callable[..., None]) -> None:
    breaker = CircuitBreaker()

    operate(breaker, reason="INC-4711", actor="ann")
    forced = breaker.snapshot()
    breaker.reset()
    free = breaker.snapshot()

    assert (forced.actor, forced.reason) == ("ann", "INC-4711")
    assert (free.actor, free.reason) == (None, None)


def test_forcing_a_circuit_into_its_own_state_calls_no_listener() -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker()
    breaker.force_open(reason="INC-1", actor="ann")
    breaker.add_listener(received.append)

    breaker.force_open(reason="INC-2", actor="bob")

    assert received == []


def test_a_guarded_function_sees_at_once_what_an_operator_forced() -> None:
    breaker = CircuitBreaker()
    call = breaker(int)
    before = call("7")

    breaker.force_open()

    assert before == 7
    with pytest.raises(CircuitOpenError):
        call("7")
