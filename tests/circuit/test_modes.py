"""Enforce, shadow and off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, Mode
from otel_breaker.core.states import Outcome
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from tests.fakes import FakeClock

NO_CALLS = {"success": 0, "failure": 0, "ignored": 0, "rejected": 0, "cancelled": 0}


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(ValueError, match="own"), breaker.guard():
        raise ValueError("own")


def test_a_breaker_enforces_by_default() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    fail(breaker)

    assert breaker.settings.mode is Mode.ENFORCE
    with pytest.raises(CircuitOpenError), breaker.guard():
        pytest.fail("the circuit is open")


# --- shadow


def test_a_shadow_opens_but_refuses_nothing() -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="shadow")

    fail(breaker)
    with breaker.guard():
        pass

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls == {**NO_CALLS, "failure": 1, "success": 1}


def test_a_shadow_gives_leave_in_two_steps() -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="shadow")

    fail(breaker)

    assert breaker.can_execute()


def test_a_call_that_a_shadow_would_have_refused_has_no_effect_and_is_counted_by_its_outcome(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="shadow", clock=clock)
    fail(breaker)
    opened = breaker.snapshot()

    fail(breaker)
    with breaker.guard():
        pass

    assert (breaker.state, breaker.failures) == (CircuitState.OPEN, opened.consecutive_failures)
    assert breaker._circuit.read().totals.shadowed == {Outcome.FAILURE: 1, Outcome.SUCCESS: 1}


def test_the_first_calls_of_a_half_open_shadow_are_its_probes(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="shadow", clock=clock)
    fail(breaker)
    clock.advance(60)
    probe, too_many = breaker.can_execute(), breaker.can_execute()

    breaker.record_failure(permit=too_many)
    between = breaker.state
    breaker.record_success(probe)

    assert (between, breaker.state) == (CircuitState.HALF_OPEN, CircuitState.CLOSED)


def test_a_shadow_that_an_operator_forces_open_still_refuses_nothing() -> None:
    breaker = CircuitBreaker(mode="shadow")

    breaker.force_open()

    with breaker.guard():
        pass
    assert breaker.snapshot().calls["success"] == 1


# --- off


def test_a_breaker_that_is_off_neither_decides_nor_counts() -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="off")

    fail(breaker)
    result = breaker.call(int, "7")

    assert result == 7
    assert (breaker.state, breaker.snapshot().calls) == (CircuitState.CLOSED, NO_CALLS)


async def test_a_breaker_that_is_off_lets_coroutines_pass() -> None:
    breaker = CircuitBreaker(mode="off")
    breaker.force_open()

    @breaker
    async def answer() -> int:
        return 7

    assert await answer() == 7


def test_a_breaker_that_is_off_neither_decides_nor_counts_in_two_steps() -> None:
    breaker = CircuitBreaker(failure_threshold=1, mode="off")

    breaker.record_failure(permit=breaker.can_execute())
    permit = breaker.can_execute()

    assert permit
    assert (breaker.state, breaker.snapshot().calls) == (CircuitState.CLOSED, NO_CALLS)


def test_a_breaker_can_be_switched_off_and_on_while_it_lives() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    call = breaker(int)
    fail(breaker)

    breaker._replace_settings(Settings(failure_threshold=1, mode=Mode.OFF))
    passed = call("7")
    breaker._replace_settings(Settings(failure_threshold=1))

    assert passed == 7
    with pytest.raises(CircuitOpenError):
        call("7")


# --- results that are failures


@pytest.mark.parametrize(("result", "outcome"), [("bad", "failure"), ("good", "success")])
def test_a_returned_value_can_be_a_failure(result: str, outcome: str) -> None:
    breaker = CircuitBreaker(failure_result=lambda value: value == "bad")

    returned = breaker.call(str, result)

    assert returned == result
    assert breaker.snapshot().calls == {**NO_CALLS, outcome: 1}


async def test_what_a_coroutine_returns_can_be_a_failure() -> None:
    breaker = CircuitBreaker(failure_threshold=1, failure_result=lambda value: value is None)

    @breaker
    async def answer() -> None:
        return None

    await answer()

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().last_failure_type == "_OTHER"


def test_a_predicate_of_results_never_runs_under_the_lock() -> None:
    def is_failure(value: object) -> bool:
        with ThreadPoolExecutor(1) as another:
            another.submit(breaker.snapshot).result(timeout=10)
        return False

    breaker = CircuitBreaker(failure_result=is_failure)

    breaker.call(int)

    assert breaker.snapshot().calls["success"] == 1
