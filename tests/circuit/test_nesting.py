"""Guarded calls inside guarded calls of the same circuit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState

if TYPE_CHECKING:
    from tests.fakes import FakeClock


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    """Admits one probe with the next call."""
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    return breaker


def passes(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.guard():
            return True
    except CircuitOpenError:
        return False


async def passes_later(breaker: CircuitBreaker) -> bool:
    try:
        async with breaker.guard():
            return True
    except CircuitOpenError:
        return False


# --- a probe and the calls made inside it


def test_a_call_inside_a_probe_passes_as_part_of_it(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        passed, probes = passes(breaker), breaker.snapshot().probes_in_flight
        state = breaker.state

    assert passed
    assert (probes, state, breaker.state) == (1, CircuitState.HALF_OPEN, CircuitState.CLOSED)


def test_a_call_of_another_thread_is_no_part_of_a_probe(breaker: CircuitBreaker) -> None:
    with breaker.guard(), ThreadPoolExecutor(1) as another:
        assert not another.submit(passes, breaker).result()


def test_a_call_after_the_probe_has_ended_is_a_probe_of_its_own(breaker: CircuitBreaker) -> None:
    with breaker.guard() as call:
        call.ignored()
    with breaker.guard():
        assert breaker.snapshot().probes_in_flight == 1


async def test_a_call_inside_a_probe_of_an_asyncio_task_passes(breaker: CircuitBreaker) -> None:
    async with breaker.guard():
        await asyncio.sleep(0)

        assert await passes_later(breaker)


async def test_a_call_of_another_asyncio_task_is_no_part_of_a_probe(breaker: CircuitBreaker) -> None:
    async with breaker.guard():
        assert not await asyncio.create_task(passes_later(breaker))


async def test_a_call_in_a_callback_of_the_loop_is_no_part_of_a_probe(breaker: CircuitBreaker) -> None:
    loop = asyncio.get_running_loop()
    outer, inner = breaker.guard(), loop.create_future()

    loop.call_soon(outer.__enter__)
    loop.call_soon(lambda: inner.set_result(passes(breaker)))

    assert not await inner
    assert breaker.snapshot().probes_in_flight == 1


def test_a_call_inside_a_probe_of_a_trio_task_passes_and_one_of_another_task_does_not(breaker: CircuitBreaker) -> None:
    passed: list[bool] = []

    async def call() -> None:
        passed.append(await passes_later(breaker))

    async def main() -> None:
        async with breaker.guard():
            await trio.lowlevel.checkpoint()
            await call()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call)

    trio.run(main)

    assert passed == [True, False]


def test_a_failure_inside_a_probe_that_the_probe_survives_has_no_effect(breaker: CircuitBreaker) -> None:
    with breaker.guard(), pytest.raises(ValueError, match="inner"), breaker.guard():
        raise ValueError("inner")

    assert breaker.state is CircuitState.CLOSED


# --- one exception on its way through several calls


def test_one_exception_through_two_calls_of_a_circuit_counts_once() -> None:
    breaker = CircuitBreaker(failure_threshold=2)

    with pytest.raises(ValueError, match="own"), breaker.guard(), breaker.guard():
        raise ValueError("own")

    assert (breaker.failures, breaker.state) == (1, CircuitState.CLOSED)


def test_one_exception_through_two_guarded_functions_counts_once() -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    breaker.record_failure()

    @breaker
    def inner() -> None:
        raise ValueError("own")

    @breaker
    def outer() -> None:
        inner()

    with pytest.raises(ValueError, match="own"):
        outer()

    assert breaker.failures == 2


async def test_one_exception_through_two_guarded_coroutines_counts_once() -> None:
    breaker = CircuitBreaker(failure_threshold=2)

    @breaker
    async def inner() -> None:
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        await breaker.call(breaker(inner))

    assert breaker.failures == 1


def test_two_different_exceptions_in_nested_calls_count_twice() -> None:
    breaker = CircuitBreaker(failure_threshold=2)

    @breaker
    def outer() -> None:
        try:
            breaker.call(int, "no number")
        except ValueError as error:
            raise KeyError("outer") from error

    with pytest.raises(KeyError, match="outer"):
        outer()

    assert breaker.state is CircuitState.OPEN


def test_one_exception_object_raised_by_two_calls_in_turn_counts_twice() -> None:
    breaker, error = CircuitBreaker(failure_threshold=2), ValueError("the same every time")

    for _ in range(2):
        with pytest.raises(ValueError, match="same"), breaker.guard():
            raise error

    assert breaker.state is CircuitState.OPEN


def test_one_exception_through_calls_of_two_circuits_counts_in_both() -> None:
    one, other = CircuitBreaker(failure_threshold=1), CircuitBreaker(failure_threshold=1)

    with pytest.raises(ValueError, match="own"), one.guard(), other.guard():
        raise ValueError("own")

    assert (one.state, other.state) == (CircuitState.OPEN, CircuitState.OPEN)


def test_the_refusal_of_a_circuit_is_no_failure_of_the_one_around_it() -> None:
    outer, inner = CircuitBreaker(failure_threshold=1), CircuitBreaker()
    inner.force_open()

    with pytest.raises(CircuitOpenError), outer.guard(), inner.guard():
        pytest.fail("the inner circuit is open")

    assert (outer.state, outer.snapshot().calls["ignored"]) == (CircuitState.CLOSED, 1)
