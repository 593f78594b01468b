"""Defects that were reproduced in aiobreaker, purgatory, hyx and interlock, and that this breaker does not have.

Many have a more general test elsewhere; these are what was run against the rival.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from tests.conformance.conftest import (
    RECOVERY,
    Broken,
    cancelled,
    changes_of,
    down,
    due,
    elsewhere,
    fail,
    finish,
    hold,
    refuses,
    state_pairs,
    succeed,
    time_zone,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.fakes import FakeClock

# --- aiobreaker 1.2.0


def test_the_wait_does_not_depend_on_the_time_zone(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=30, clock=clock)

    with time_zone("America/New_York"):
        fail(breaker)
        waits = breaker.snapshot().retry_after

    assert waits == 30


def reach_in_tasks(breaker: CircuitBreaker, tasks: int) -> int:
    """How many of many tasks reach the dependency at once, through async blocks."""

    async def call_once() -> bool:
        async with breaker.guard():
            await asyncio.sleep(0)
        return True

    async def call_all() -> list[bool | BaseException]:
        return await asyncio.gather(*(call_once() for _ in range(tasks)), return_exceptions=True)

    return asyncio.run(call_all()).count(True)


def test_of_20_tasks_at_half_open_one_is_admitted(clock: FakeClock) -> None:
    assert reach_in_tasks(due(clock), 20) == 1


def test_of_four_overlapping_failures_each_caller_sees_its_own_and_the_circuit_opens_once(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    changes = changes_of(breaker)

    @breaker
    async def call(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.advance(seconds)
        raise Broken

    async def overlap() -> list[BaseException | None]:
        return await asyncio.gather(*(call(1) for _ in range(4)), return_exceptions=True)

    errors = asyncio.run(overlap())

    assert [type(error) for error in errors] == [Broken] * 4
    assert state_pairs(changes) == [("closed", "open")]
    assert breaker.snapshot().retry_after == RECOVERY - 3


def test_an_async_stream_that_fails_is_seen_to(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)

    async def broken() -> AsyncIterator[int]:
        yield 1
        raise Broken

    async def read(stream: AsyncIterator[int]) -> None:
        with pytest.raises(Broken):
            assert [item async for item in stream] == []

    async def blocked() -> AsyncIterator[int]:
        async with breaker.guard():
            async for item in broken():
                yield item

    asyncio.run(read(blocked()))
    asyncio.run(read(breaker(broken)()))

    assert breaker.state is CircuitState.OPEN


# --- purgatory 3.0.1


def test_of_20_tasks_through_a_decorated_function_at_half_open_one_is_admitted(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def call() -> bool:
        await asyncio.sleep(0)
        return True

    async def call_all() -> list[bool | BaseException]:
        return await asyncio.gather(*(call() for _ in range(20)), return_exceptions=True)

    assert asyncio.run(call_all()).count(True) == 1


def test_one_cancelled_call_does_not_trip_at_a_threshold_of_one(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    asyncio.run(cancelled(breaker(lambda: asyncio.sleep(3600))))

    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().calls["cancelled"] == 1


def test_a_stale_success_at_half_open_does_not_close(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    stale = hold(breaker)
    fail(breaker)
    clock.advance(RECOVERY)

    hold(breaker)
    finish(stale)

    assert breaker.state is CircuitState.HALF_OPEN


def test_a_stream_that_fails_half_way_is_seen_to(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)

    def broken() -> Iterator[int]:
        yield 1
        raise Broken

    def blocked() -> Iterator[int]:
        with breaker.guard():
            yield from broken()

    for stream in (blocked(), breaker(broken)()):
        with pytest.raises(Broken):
            list(stream)

    assert breaker.state is CircuitState.OPEN


def test_the_changes_of_a_recovery_are_delivered_in_their_order(clock: FakeClock) -> None:
    breaker = due(clock)
    story: list[str] = []
    breaker.add_listener(lambda change: story.append(change.to_state.value))

    with breaker.guard():
        story.append("body")

    assert story == ["half_open", "body", "closed"]


# --- hyx 0.0.2


def test_of_20_async_blocks_at_half_open_one_is_admitted_and_when_cancelled_it_does_not_close(
    clock: FakeClock,
) -> None:
    breaker = due(clock)

    async def call() -> None:
        async with breaker.guard():
            await asyncio.sleep(3600)

    asyncio.run(cancelled(call))
    after_the_cancel = breaker.state

    assert after_the_cancel is CircuitState.HALF_OPEN
    assert reach_in_tasks(breaker, 20) == 1


# --- interlock-cb 2.7.0


def test_a_hung_probe_does_not_refuse_callers_for_ever(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=RECOVERY)
    elsewhere(lambda: hold(breaker))

    clock.advance(10 * RECOVERY)
    admitted = not refuses(breaker)
    succeed(breaker)

    assert admitted
    assert breaker.state is CircuitState.CLOSED


def test_failures_of_streams_of_both_kinds_trip(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)

    @breaker
    def stream() -> Iterator[int]:
        yield 1
        down()

    @breaker
    async def async_stream() -> AsyncIterator[int]:
        yield 1
        down()

    async def read() -> list[int]:
        return [item async for item in async_stream()]

    with pytest.raises(Broken):
        list(stream())
    with pytest.raises(Broken):
        asyncio.run(read())

    assert breaker.state is CircuitState.OPEN
