"""A probe whose coroutine or stream is never started frees its place at once, without the garbage collector."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.shapes import Broken, answer_async_generator, answer_awaitable, answer_generator, answer_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

pytestmark = pytest.mark.usefixtures("without_collector")


@pytest.fixture(params=["untraced", "traced"])
def breaker(clock: FakeClock, request: pytest.FixtureRequest) -> CircuitBreaker:
    """A circuit whose next call is a probe, the only one at a time."""
    if request.param == "traced":
        request.getfixturevalue("spans")
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=10, clock=clock)
    breaker.record_failure()
    clock.advance(10)
    return breaker


async def cancelled_task(breaker: CircuitBreaker, function: Callable[[str], Any]) -> asyncio.Task[Any]:
    """A task that was cancelled before its first step, and has ended."""
    task: asyncio.Task[Any] = asyncio.ensure_future(breaker(function)("return"))
    task.cancel()
    await asyncio.wait([task])
    return task


@pytest.mark.parametrize("function", [answer_awaitable, answer_request])
async def test_a_task_cancelled_before_its_first_step_holds_no_place(
    breaker: CircuitBreaker, function: Callable[[str], Any]
) -> None:
    await cancelled_task(breaker, function)

    assert await breaker(answer_awaitable)("return") == "answer"
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("function", [answer_awaitable, answer_request])
async def test_a_task_cancelled_before_its_first_step_holds_no_place_though_the_task_is_kept(
    breaker: CircuitBreaker, function: Callable[[str], Any]
) -> None:
    kept = await cancelled_task(breaker, function)

    assert await breaker(answer_awaitable)("return") == "answer"
    assert (kept.cancelled(), breaker.state) == (True, CircuitState.CLOSED)


async def test_an_abandoned_call_is_not_in_flight(breaker: CircuitBreaker) -> None:
    kept = await cancelled_task(breaker, answer_awaitable)

    assert (kept.cancelled(), breaker.snapshot().probes_in_flight) == (True, 0)


async def test_a_two_step_call_finds_the_place_free_as_well(breaker: CircuitBreaker) -> None:
    kept = await cancelled_task(breaker, answer_awaitable)

    assert (kept.cancelled(), bool(breaker.can_execute())) == (True, True)


async def test_a_hundred_tasks_cancelled_before_their_first_step_are_refused_nothing(breaker: CircuitBreaker) -> None:
    for _ in range(100):
        await cancelled_task(breaker, answer_awaitable)

    calls = breaker.snapshot().calls
    assert (calls["cancelled"], calls["rejected"]) == (100, 0)


async def test_a_block_finds_the_place_free_as_well(breaker: CircuitBreaker) -> None:
    kept = await cancelled_task(breaker, answer_awaitable)

    with breaker.guard():
        assert kept.cancelled()

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("function", [answer_awaitable, answer_generator, answer_async_generator])
async def test_one_that_is_closed_before_it_starts_holds_no_place_though_it_is_kept(
    breaker: CircuitBreaker, function: Callable[[str], Any]
) -> None:
    kept = breaker(function)("return")
    if function is answer_async_generator:
        await kept.aclose()
    else:
        kept.close()

    with breaker.guard():
        pass

    assert breaker.state is CircuitState.CLOSED


def test_an_exception_before_the_first_step_frees_the_place_though_it_is_kept(
    breaker: CircuitBreaker,
) -> None:
    given = breaker(answer_generator)("return")
    with pytest.raises(Broken) as kept:
        given.throw(Broken())

    with breaker.guard():
        assert kept.value.__traceback__ is not None

    assert breaker.state is CircuitState.CLOSED


def test_one_that_has_started_holds_its_place(breaker: CircuitBreaker) -> None:
    given = breaker(answer_generator)("return")
    next(given)

    assert breaker.can_execute() is None
    assert breaker.snapshot().probes_in_flight == 1
