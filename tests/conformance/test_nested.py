"""Guarded calls inside guarded calls of the same breaker, and calls that are not inside."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import Broken, down, due, elsewhere, fail, hold, raised_by, refuses, succeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import FakeClock


def fail_in_blocks(breaker: CircuitBreaker) -> None:
    with breaker.guard(), breaker.guard():
        raise Broken


def fail_in_functions(breaker: CircuitBreaker) -> None:
    inner = breaker(down)
    breaker.call(inner)


def fail_in_coroutines(breaker: CircuitBreaker) -> None:
    @breaker
    async def inner() -> None:
        raise Broken

    @breaker
    async def outer() -> None:
        await inner()

    asyncio.run(outer())


NESTINGS = pytest.mark.parametrize("call", [fail_in_blocks, fail_in_functions, fail_in_coroutines])


@NESTINGS
def test_one_failure_that_passes_through_two_guards_counts_once(
    clock: FakeClock, call: Callable[[CircuitBreaker], None]
) -> None:
    # Nested blocks do not count twice: one exception object counts once, as in the other shapes.
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    for _ in range(2):
        with suppress(Broken):
            call(breaker)

    assert breaker.failures == 2


@NESTINGS
def test_a_call_inside_a_probe_is_part_of_it(clock: FakeClock, call: Callable[[CircuitBreaker], None]) -> None:
    breaker = due(clock)

    error = raised_by(lambda: call(breaker))

    assert error is Broken
    assert breaker.state is CircuitState.OPEN


def test_a_probe_inside_of_which_a_call_fails_closes_if_it_succeeds_itself(clock: FakeClock) -> None:
    breaker = due(clock)

    with breaker.guard():
        with suppress(Broken), breaker.guard():
            raise Broken
        between = breaker.state

    assert between is CircuitState.HALF_OPEN
    assert breaker.state is CircuitState.CLOSED


def test_a_call_inside_a_probe_of_a_trio_task_is_part_of_it(clock: FakeClock) -> None:
    breaker = due(clock)

    async def main() -> None:
        async with breaker.guard(), breaker.guard():
            pass

    trio.run(main)

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("threshold", [2, 3])
def test_one_exception_object_that_later_calls_raise_again_is_a_failure_of_each(
    clock: FakeClock, threshold: int
) -> None:
    breaker = CircuitBreaker(failure_threshold=threshold, clock=clock)
    broken_for_good = Broken()

    for _ in range(threshold):
        with suppress(Broken), breaker.guard():
            raise broken_for_good

    assert breaker.state is CircuitState.OPEN


def test_a_refused_caller_is_inside_no_probe_that_has_ended(clock: FakeClock) -> None:
    breaker = due(clock)
    fail(breaker)

    assert refuses(breaker)


def test_nested_calls_are_each_counted(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)

    with breaker.guard(), breaker.guard():
        pass

    assert breaker.snapshot().calls["success"] == 2


# --- calls that are not inside


def test_the_calls_of_a_thread_are_guarded_while_a_generator_of_it_is_suspended_in_a_block(
    clock: FakeClock,
) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    def stream() -> Iterator[int]:
        with breaker.guard():
            yield from range(2)

    suspended = stream()
    next(suspended)
    fail(breaker, 3)

    assert refuses(breaker)


def test_a_suspended_generator_that_probes_lets_no_other_call_of_its_thread_pass(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    def stream() -> Iterator[int]:
        yield from range(2)

    suspended = stream()
    next(suspended)

    assert refuses(breaker)


def test_a_generator_that_goes_on_probing_is_inside_its_own_probe_again(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    def stream() -> Iterator[int]:
        yield 1
        succeed(breaker)

    assert list(stream()) == [1]
    assert breaker.state is CircuitState.CLOSED


def test_a_task_that_outlives_the_guarded_call_that_spawned_it_is_guarded(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)
    dead = breaker(down)

    async def main() -> None:
        async def fail_later() -> list[type[BaseException] | None]:
            await asyncio.sleep(0)
            return [raised_by(dead) for _ in range(4)]

        async with breaker.guard():
            child = asyncio.ensure_future(fail_later())
        assert await child == [Broken, Broken, Broken, CircuitOpenError]

    asyncio.run(main())


def test_a_task_that_a_probe_spawns_is_not_part_of_the_probe(clock: FakeClock) -> None:
    breaker = due(clock)

    async def call_once() -> bool:
        return refuses(breaker)

    async def main() -> bool:
        async with breaker.guard():
            return await asyncio.ensure_future(call_once())

    assert asyncio.run(main())


def test_a_callback_of_the_event_loop_is_not_part_of_the_probe_that_scheduled_it(clock: FakeClock) -> None:
    breaker = due(clock)

    async def main() -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        async with breaker.guard():
            asyncio.get_running_loop().call_soon(lambda: answer.set_result(refuses(breaker)))
            return await answer

    assert asyncio.run(main())


def test_another_thread_is_not_part_of_the_probe(clock: FakeClock) -> None:
    breaker = due(clock)

    hold(breaker)

    assert elsewhere(lambda: refuses(breaker))
