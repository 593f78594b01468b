"""Blocks and loops: a guard keeps its state itself, in no context, thread or event loop."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import Broken, due, elsewhere, finish, hold, opened, succeed, together

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.conftest import Spans
    from tests.fakes import FakeClock

MODULE_LEVEL = CircuitBreaker("test_call_shapes", failure_threshold=3)


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def fail_across_threads(breaker: CircuitBreaker) -> None:
    block = elsewhere(partial(contextvars.copy_context().run, hold, breaker))
    elsewhere(partial(contextvars.copy_context().run, finish, block, Broken()))


def test_a_block_may_be_entered_in_one_thread_and_left_in_another(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    for _ in range(3):
        fail_across_threads(breaker)

    assert breaker.state is CircuitState.OPEN


def test_a_traced_block_may_end_in_another_thread_without_a_warning(
    clock: FakeClock, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    for _ in range(3):
        fail_across_threads(breaker)

    assert breaker.state is CircuitState.OPEN
    assert len(spans()) == 3
    assert problems(caplog) == []


def test_a_probe_may_be_left_in_another_thread(clock: FakeClock) -> None:
    breaker = due(clock)
    probe = elsewhere(lambda: hold(breaker))

    elsewhere(lambda: finish(probe))

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
def test_a_stream_that_another_task_closes_frees_its_probe(
    clock: FakeClock, traced: bool, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = due(clock)

    async def stream() -> AsyncGenerator[int, None]:
        async with breaker.guard():
            yield 1
            yield 2

    async def main() -> None:
        items = stream()
        await asyncio.ensure_future(anext(items))
        await asyncio.ensure_future(items.aclose())

    asyncio.run(main())

    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.snapshot().probes_in_flight == 0
    assert problems(caplog) == []


def test_blocks_may_overlap_without_being_inside_of_each_other(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)
    first, second = hold(breaker), hold(breaker)

    finish(first, Broken())
    finish(second)

    assert breaker.snapshot().calls["failure"] == breaker.snapshot().calls["success"] == 1


def test_a_guard_object_is_good_for_one_block(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    block = breaker.guard()

    with block, pytest.raises(RuntimeError, match="entered once"):
        block.__enter__()


def test_the_body_of_a_block_does_not_run_while_the_circuit_is_open(clock: FakeClock) -> None:
    breaker = opened(clock)
    ran = []

    with pytest.raises(CircuitOpenError), breaker.guard():
        ran.append("body")

    assert ran == []
    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["rejected"] == 1


def test_the_body_of_an_async_block_does_not_run_while_the_circuit_is_open(clock: FakeClock) -> None:
    breaker = opened(clock)
    ran = []

    async def main() -> None:
        async with breaker.guard():
            ran.append("body")

    with pytest.raises(CircuitOpenError):
        asyncio.run(main())

    assert ran == []
    assert breaker.state is CircuitState.OPEN


def test_the_block_after_those_that_trip_is_refused(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)
    ran = []

    for _ in range(4):
        with suppress(Broken, CircuitOpenError), breaker.guard():
            ran.append("body")
            raise Broken

    assert len(ran) == 3


async def fail_in_a_loop() -> None:
    async with MODULE_LEVEL.guard():
        raise Broken


async def trip_together_in_a_loop(breaker: CircuitBreaker, calls: int) -> None:
    async def call() -> None:
        with suppress(Broken):
            async with breaker.guard():
                await asyncio.sleep(0)
                raise Broken

    await asyncio.gather(*(call() for _ in range(calls)))


def test_a_breaker_made_without_a_loop_serves_one_loop_after_the_other() -> None:
    with pytest.raises(Broken):
        asyncio.run(fail_in_a_loop())
    with pytest.raises(Broken):
        trio.run(fail_in_a_loop)
    with pytest.raises(Broken):
        asyncio.run(fail_in_a_loop())

    assert MODULE_LEVEL.state is CircuitState.OPEN


def test_one_breaker_serves_the_loops_of_several_threads_at_once(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1_000, clock=clock)

    together(8, lambda _: asyncio.run(trip_together_in_a_loop(breaker, 100)))

    assert breaker.failures == 800


def test_a_breaker_needs_no_loop_at_all(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)

    elsewhere(lambda: succeed(breaker))
    asyncio.run(trip_together_in_a_loop(breaker, 5))

    assert breaker.state is CircuitState.OPEN
