"""Guarded callables in threads, in asyncio, in Trio, and within each other."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.guard.shapes import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import FakeClock

CROWD = 16


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker(failure_threshold=CROWD, recovery_time=10, clock=clock)


def due(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(CROWD):
        breaker.record_failure()
    clock.advance(10)


def in_threads(call: Callable[[], object]) -> list[str]:
    def guarded(_: int) -> str:
        try:
            call()
        except (Broken, CircuitOpenError) as error:
            return type(error).__name__
        return "answer"

    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(guarded, range(CROWD)))


def test_threads_fail_together_and_open_together(breaker: CircuitBreaker) -> None:
    meet = threading.Barrier(CROWD)

    @breaker
    def fail() -> None:
        meet.wait(20)
        raise Broken

    seen = in_threads(fail)

    assert seen == ["Broken"] * CROWD
    assert breaker.state is CircuitState.OPEN


def test_of_threads_one_probes(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)
    others = threading.Semaphore(0)

    @breaker
    def probe() -> None:
        for _ in range(CROWD - 1):
            assert others.acquire(timeout=20)

    def call() -> None:
        try:
            probe()
        except CircuitOpenError:
            others.release()
            raise

    seen = in_threads(call)

    assert sorted(seen) == ["CircuitOpenError"] * (CROWD - 1) + ["answer"]
    assert breaker.state is CircuitState.CLOSED


async def test_of_asyncio_tasks_one_probes(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)

    @breaker
    async def probe() -> str:
        await asyncio.sleep(0)
        return "answer"

    seen = await asyncio.gather(*(probe() for _ in range(CROWD)), return_exceptions=True)

    assert [one for one in seen if not isinstance(one, CircuitOpenError)] == ["answer"]


def test_of_trio_tasks_one_probes(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)
    seen: list[str] = []

    @breaker
    async def probe() -> None:
        await trio.lowlevel.checkpoint()

    async def call() -> None:
        try:
            await probe()
        except CircuitOpenError:
            seen.append("refused")
        else:
            seen.append("answer")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(CROWD):
                nursery.start_soon(call)

    trio.run(main)

    assert sorted(seen) == ["answer"] + ["refused"] * (CROWD - 1)


def test_a_cancelled_trio_task_frees_its_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)

    @breaker
    async def hang() -> None:
        await trio.sleep_forever()

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await hang()

    trio.run(main)

    assert breaker.snapshot().calls["cancelled"] == 1
    assert (breaker.state, breaker.snapshot().probes_in_flight) == (CircuitState.HALF_OPEN, 0)


def test_an_asyncio_timeout_frees_the_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)

    @breaker
    async def hang() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.wait_for(hang(), 0.001)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())

    assert breaker.snapshot().probes_in_flight == 0


def test_a_function_may_call_itself_through_its_guard(breaker: CircuitBreaker) -> None:
    @breaker
    def countdown(number: int) -> int:
        return number and countdown(number - 1)

    assert countdown(50) == 0
    assert breaker.snapshot().calls["success"] == 51


def test_a_function_that_probes_may_call_itself(breaker: CircuitBreaker, clock: FakeClock) -> None:
    due(breaker, clock)

    @breaker
    def countdown(number: int) -> int:
        return number and countdown(number - 1)

    assert countdown(3) == 0
    assert breaker.state is CircuitState.CLOSED


def nested_generator(breaker: CircuitBreaker) -> Any:
    @breaker
    def countdown(number: int) -> Iterator[int]:
        yield number
        if number:
            yield from countdown(number - 1)

    return countdown


@pytest.mark.parametrize("probing", [False, True], ids=["closed", "probing"])
def test_a_generator_may_read_itself_through_its_guard(
    breaker: CircuitBreaker,
    clock: FakeClock,
    probing: bool,
) -> None:
    if probing:
        due(breaker, clock)

    assert list(nested_generator(breaker)(3)) == [3, 2, 1, 0]
    assert breaker.state is CircuitState.CLOSED


def test_two_streams_of_one_breaker_may_be_read_in_turns(breaker: CircuitBreaker) -> None:
    @breaker
    def stream(failing: bool) -> Iterator[int]:
        yield 1
        if failing:
            raise Broken
        yield 2

    healthy, failing = stream(False), stream(True)
    read = [next(healthy), next(failing), next(healthy)]
    with pytest.raises(Broken):
        next(failing)
    rest = list(healthy)

    assert (read, rest) == ([1, 1, 2], [])
    assert (breaker.snapshot().calls["success"], breaker.snapshot().calls["failure"]) == (1, 1)
