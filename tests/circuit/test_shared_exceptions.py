"""One exception object of several calls counts once for nested calls, and once for each concurrent call."""

from __future__ import annotations

import asyncio
import pickle
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitState
from tests.ways import WAYS, throw

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ways import Way


class Down(Exception):
    pass


CONSTANT = Down("one for all")


def test_each_of_fifty_tasks_that_await_one_future_has_failed() -> None:
    breaker = CircuitBreaker(failure_threshold=50)

    async def main() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        @breaker
        async def wait() -> None:
            await future

        tasks = [asyncio.ensure_future(wait()) for _ in range(50)]
        await asyncio.sleep(0)
        future.set_exception(Down())
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["failure"] == 50


def test_each_of_twenty_threads_that_raise_one_constant_has_failed() -> None:
    breaker, together = CircuitBreaker(failure_threshold=20), threading.Barrier(20)

    @breaker
    def fail() -> None:
        together.wait()
        raise CONSTANT

    def call(_: int) -> None:
        with suppress(Down):
            fail()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(call, range(20)))

    assert breaker.state is CircuitState.OPEN


def test_each_of_twenty_tasks_that_raise_one_constant_has_failed() -> None:
    breaker = CircuitBreaker(failure_threshold=20)

    @breaker
    async def fail() -> None:
        await asyncio.sleep(0)
        raise CONSTANT

    async def main() -> None:
        await asyncio.gather(*(fail() for _ in range(20)), return_exceptions=True)

    asyncio.run(main())

    assert breaker.state is CircuitState.OPEN


def test_each_of_ten_trio_tasks_that_raise_one_constant_has_failed() -> None:
    breaker = CircuitBreaker(failure_threshold=10)

    @breaker
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise CONSTANT

    async def call() -> None:
        with suppress(Down):
            await fail()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(call)

    trio.run(main)

    assert breaker.state is CircuitState.OPEN


def test_each_of_several_threads_that_await_one_future_of_a_pool_has_failed() -> None:
    breaker, future, asking = CircuitBreaker(failure_threshold=8), Future[None](), threading.Barrier(9)

    @breaker
    def await_future() -> None:
        asking.wait()
        future.result()

    def call(_: int) -> None:
        with suppress(Down):
            await_future()

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(call, number) for number in range(8)]
        asking.wait()
        future.set_exception(Down())
        for each in calls:
            each.result()

    assert breaker.state is CircuitState.OPEN


def test_each_of_the_permits_that_one_error_is_recorded_for_has_failed() -> None:
    # Like a lost connection, which fails all pending answers in one callback after the other.
    breaker, lost = CircuitBreaker(failure_threshold=5), Down()
    permits = [breaker.can_execute() for _ in range(5)]

    for permit in permits:
        breaker.record_failure(lost, permit)

    assert breaker.state is CircuitState.OPEN


def test_each_of_the_futures_that_one_error_is_set_on_has_failed() -> None:
    # Like a client, which fails all pending answers of a lost connection.
    breaker, lost = CircuitBreaker(failure_threshold=50), Down()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        futures = [breaker(loop.create_future)() for _ in range(50)]
        for future in futures:
            future.set_exception(lost)
        await asyncio.gather(*futures, return_exceptions=True)

    asyncio.run(main())

    assert breaker.state is CircuitState.OPEN


def test_each_of_the_futures_of_a_pool_that_one_error_is_set_on_has_failed() -> None:
    breaker, lost = CircuitBreaker(failure_threshold=20), Down()
    futures = [breaker(Future[None])() for _ in range(20)]

    for future in futures:
        future.set_exception(lost)

    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("threshold", [2, 3])
@pytest.mark.parametrize("way", WAYS)
def test_a_constant_that_calls_raise_in_turn_is_a_failure_of_each(way: Way, threshold: int) -> None:
    breaker = CircuitBreaker(failure_threshold=threshold)

    for _ in range(threshold):
        with suppress(Down):
            way(breaker, CONSTANT)

    assert breaker.state is CircuitState.OPEN


def nested_functions(breaker: CircuitBreaker) -> None:
    @breaker
    def inner() -> None:
        raise Down

    @breaker
    def outer() -> None:
        inner()

    outer()


def nested_in_a_permit(breaker: CircuitBreaker) -> None:
    @breaker
    def inner() -> None:
        raise Down

    permit = breaker.can_execute()
    try:
        inner()
    except Down as error:
        breaker.record_failure(error, permit)
        raise


def nested_coroutines(breaker: CircuitBreaker) -> None:
    @breaker
    async def inner() -> None:
        await asyncio.sleep(0)
        raise Down

    @breaker
    async def outer() -> None:
        await inner()

    asyncio.run(outer())


def nested_blocks_in_one_frame(breaker: CircuitBreaker) -> None:
    with breaker.guard(), breaker.guard():
        raise Down


def raised_again_without_its_traceback(breaker: CircuitBreaker) -> None:
    @breaker
    def inner() -> None:
        raise Down

    with breaker.guard():
        try:
            inner()
        except Down as error:
            raise error.with_traceback(None)  # noqa: B904  # as retrying libraries do


@pytest.mark.parametrize(
    "nested",
    [
        nested_functions,
        nested_in_a_permit,
        nested_coroutines,
        nested_blocks_in_one_frame,
        raised_again_without_its_traceback,
    ],
)
def test_a_failure_that_passes_through_nested_calls_counts_once(nested: Callable[[CircuitBreaker], None]) -> None:
    breaker = CircuitBreaker(failure_threshold=3)

    for _ in range(2):
        with suppress(Down):
            nested(breaker)

    assert breaker.failures == 2


def test_a_constant_that_passes_through_any_number_of_circuits_keeps_few_marks() -> None:
    constant = Down()

    for _ in range(100):
        with suppress(Down):
            CircuitBreaker("test_shared_exceptions").call(throw, constant)

    assert len(vars(constant)) == 1
    assert len(pickle.dumps(constant)) < 1_000


def test_marks_of_another_process_or_author_mean_nothing() -> None:
    breaker, error = CircuitBreaker(failure_threshold=1), Down()
    for strange in (None, 5, ("mark",), ((1, 2),), [(1, 2, 3)]):
        error.__dict__["__otel_breaker__"] = strange
        breaker.reset()

        with suppress(Down):
            breaker.call(throw, error)

        assert breaker.state is CircuitState.OPEN
