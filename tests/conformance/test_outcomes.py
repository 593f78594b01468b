"""Outcomes: failures count, ignored and cancelled calls are neutral."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitState
from tests.conformance.conftest import Broken, cancelled, due, fail, refuses, succeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

HAS_GROUPS = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are built in since Python 3.11")


def cancel_a_block(breaker: CircuitBreaker) -> None:
    with suppress(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError


def cancel_an_async_block(breaker: CircuitBreaker) -> None:
    async def call() -> None:
        async with breaker.guard():
            await asyncio.sleep(3600)

    asyncio.run(cancelled(call))


def cancel_a_function(breaker: CircuitBreaker) -> None:
    @breaker
    async def call() -> None:
        await asyncio.sleep(3600)

    asyncio.run(cancelled(call))


def cancel_a_trio_block(breaker: CircuitBreaker) -> None:
    async def main() -> None:
        with trio.CancelScope() as scope, breaker.guard():
            scope.cancel()
            await trio.sleep_forever()

    trio.run(main)


CANCELS = pytest.mark.parametrize(
    "cancel", [cancel_a_block, cancel_an_async_block, cancel_a_function, cancel_a_trio_block]
)


@CANCELS
def test_a_cancelled_probe_does_not_close(clock: FakeClock, cancel: Callable[[CircuitBreaker], None]) -> None:
    breaker = due(clock)

    cancel(breaker)

    assert breaker.state is CircuitState.HALF_OPEN


@CANCELS
def test_clients_that_go_away_do_not_trip_a_healthy_dependency(
    clock: FakeClock, cancel: Callable[[CircuitBreaker], None]
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, failure_rate=0.1, minimum_calls=1, clock=clock)

    for _ in range(10):
        cancel(breaker)

    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().calls["cancelled"] == 10
    assert breaker.snapshot().window_calls == 0


@CANCELS
def test_a_client_that_goes_away_does_not_end_a_streak_of_failures(
    clock: FakeClock, cancel: Callable[[CircuitBreaker], None]
) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    fail(breaker, 2)
    cancel(breaker)
    fail(breaker)

    assert breaker.state is CircuitState.OPEN


def hang_until_cancelled(clock: FakeClock, breaker: CircuitBreaker, seconds: float) -> None:
    async def call() -> None:
        async with breaker.guard():
            clock.advance(seconds)
            await asyncio.sleep(3600)

    asyncio.run(cancelled(call))


def test_a_timeout_outside_the_guard_trips_when_the_cancelled_call_was_slow(clock: FakeClock) -> None:
    # No setting of its own decides after how long a cancelled call counts: the slow-call rule does.
    breaker = CircuitBreaker(slow_call_duration=5, slow_call_rate=1.0, minimum_calls=3, clock=clock)

    for _ in range(3):
        hang_until_cancelled(clock, breaker, 5)

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["cancelled"] == 3


def test_a_call_that_is_cancelled_in_time_is_not_slow(clock: FakeClock) -> None:
    breaker = CircuitBreaker(slow_call_duration=5, slow_call_rate=1.0, minimum_calls=3, clock=clock)

    for _ in range(3):
        hang_until_cancelled(clock, breaker, 4.999)

    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().window_calls == 0


@HAS_GROUPS
def test_a_task_group_of_ignored_exceptions_is_ignored(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, ignore=KeyError, clock=clock)

    async def miss() -> None:
        raise KeyError

    @breaker
    async def call() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(miss())
            group.create_task(miss())

    with pytest.raises(ExceptionGroup):  # noqa: F821  # see HAS_GROUPS
        asyncio.run(call())

    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().calls["ignored"] == 1


@HAS_GROUPS
@pytest.mark.parametrize(
    ("leaves", "outcome"),
    [
        ([KeyError()], "ignored"),
        ([asyncio.CancelledError()], "cancelled"),
        ([asyncio.CancelledError(), KeyError()], "ignored"),
        ([KeyError(), Broken()], "failure"),
        ([asyncio.CancelledError(), Broken()], "failure"),
    ],
    ids=["ignored", "cancelled", "cancelled and ignored", "ignored and failing", "cancelled and failing"],
)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_group_is_classified_by_its_leaves(
    clock: FakeClock, leaves: list[BaseException], outcome: str, depth: int
) -> None:
    breaker = CircuitBreaker(ignore=KeyError, clock=clock)
    group: BaseException = BaseExceptionGroup("inner", leaves)  # noqa: F821  # see HAS_GROUPS
    if depth == 2:
        group = BaseExceptionGroup("outer", [group])  # noqa: F821  # see HAS_GROUPS

    with suppress(BaseException), breaker.guard():
        raise group

    assert breaker.snapshot().calls[outcome] == 1


def test_an_ignored_exception_does_not_end_a_streak_of_failures(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, ignore=KeyError, clock=clock)

    fail(breaker, 2)
    with suppress(KeyError), breaker.guard():
        raise KeyError
    fail(breaker)

    assert breaker.state is CircuitState.OPEN


def test_a_success_does_end_a_streak_of_failures(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    fail(breaker, 2)
    succeed(breaker)
    fail(breaker, 2)

    assert breaker.state is CircuitState.CLOSED


def trip_in_a_block(breaker: CircuitBreaker, error: Exception) -> None:
    with breaker.guard():
        raise error


def trip_in_a_function(breaker: CircuitBreaker, error: Exception) -> None:
    @breaker
    def call() -> None:
        raise error

    call()


def trip_in_a_coroutine(breaker: CircuitBreaker, error: Exception) -> None:
    @breaker
    async def call() -> None:
        raise error

    asyncio.run(call())


@pytest.mark.parametrize("trip", [trip_in_a_block, trip_in_a_function, trip_in_a_coroutine])
def test_the_call_that_trips_raises_the_exception_of_the_dependency(
    clock: FakeClock, trip: Callable[[CircuitBreaker, Exception], None]
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    error = Broken()

    with pytest.raises(Broken) as seen:
        trip(breaker, error)

    assert seen.value is error
    assert refuses(breaker)
