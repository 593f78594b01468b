"""A place in flight: every way in takes one, and every way in which a call ends gives it back."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, ConcurrencyLimitError
from tests.conformance.conftest import Broken
from tests.guard import entries
from tests.guard.entries import ENTRIES, enters
from tests.guard.shapes import DRIVERS, KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.fakes import FakeClock

SETTINGS: list[dict[str, Any]] = [
    {},
    {"slow_call_duration": 60, "slow_call_rate": 0.5},
    {"failure_rate": 0.5, "window": "30s"},
    {"failure_result": lambda result: result == "no such result"},
    {"max_in_flight": "auto"},
]
NUMBERS = count()
every_setting = pytest.mark.parametrize("settings", SETTINGS, ids=["plain", "timed", "window", "results", "auto"])


@pytest.fixture(params=[False, True], ids=["untraced", "traced"])
def traced(request: pytest.FixtureRequest) -> bool:
    if request.param:
        request.getfixturevalue("spans")
    return bool(request.param)


def limited(**settings: Any) -> CircuitBreaker:
    """A breaker whose next call takes its fast path, if there is one."""
    breaker = CircuitBreaker(f"limited {next(NUMBERS)}", **{"max_in_flight": 1, "failure_threshold": None, **settings})
    breaker.call(int)
    return breaker


def in_flight(breaker: CircuitBreaker) -> int | None:
    return breaker.snapshot().calls_in_flight


# --- every way to end


def returning(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    breaker(seen)()


def raising(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    def fail() -> None:
        seen()
        raise Broken

    with suppress(Broken):
        breaker(fail)()


def calling(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    breaker.call(seen)


def leaving_a_block(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    with breaker.guard():
        seen()


def leaving_a_failed_block(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    with suppress(Broken), breaker.guard():
        seen()
        raise Broken


def leaving_an_async_block(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def use() -> None:
        async with breaker.guard():
            seen()

    asyncio.run(use())


def leaving_a_block_in_another_thread(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    block = breaker.guard()
    block.__enter__()
    seen()
    with ThreadPoolExecutor(1) as another:
        another.submit(block.__exit__, None, None, None).result()


def awaiting(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def work() -> None:
        seen()

    asyncio.run(breaker(work)())


def cancelling(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def hang() -> None:
        seen()
        await asyncio.sleep(3600)

    async def cancel() -> None:
        task = asyncio.ensure_future(breaker(hang)())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


def closing_a_coroutine(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def hang() -> None:
        seen()
        await asyncio.sleep(0)

    coroutine = breaker(hang)()
    coroutine.send(None)
    coroutine.close()


def ending_a_future(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    future: Future[int] = Future()
    breaker(lambda: future)()
    seen()
    future.set_result(1)


def dropping_a_future(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    future = breaker(Future[int])()
    seen()
    del future
    gc.collect()


def abandoning_a_returned_coroutine(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def work() -> None:
        pytest.fail("nobody starts it")

    abandoned = breaker(lambda: work())()  # noqa: PLW0108  # a function that is no coroutine function
    seen()
    abandoned.close()
    del abandoned


def exhausting_a_generator(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        seen()

    list(breaker(numbers)())


def closing_a_generator(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    def numbers() -> Iterator[int]:
        seen()
        yield 1

    steps: Any = breaker(numbers)()
    next(steps)
    steps.close()


def failing_in_a_generator(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        seen()
        raise Broken

    with suppress(Broken):
        list(breaker(numbers)())


def exhausting_an_async_generator(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        seen()

    async def consume() -> None:
        async for _ in breaker(numbers)():
            pass

    asyncio.run(consume())


def exhausting_a_returned_iterator(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    list(breaker(lambda: filter(lambda _: seen(), [1]))())


def leaving_a_context_manager(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    @contextmanager
    def session() -> Iterator[None]:
        seen()
        yield

    with breaker(session)():
        pass


def recording_by_hand(breaker: CircuitBreaker, seen: Callable[[], object]) -> None:
    permit = breaker.can_execute()
    seen()
    breaker.record_failure(permit=permit)


ENDS = [
    *(returning, raising, calling, leaving_a_block, leaving_a_failed_block, leaving_an_async_block),
    *(leaving_a_block_in_another_thread, awaiting, cancelling, closing_a_coroutine, ending_a_future, dropping_a_future),
    *(abandoning_a_returned_coroutine, exhausting_a_generator, closing_a_generator, failing_in_a_generator),
    *(exhausting_an_async_generator, exhausting_a_returned_iterator, leaving_a_context_manager, recording_by_hand),
]


@every_setting
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.usefixtures("traced")
def test_a_call_is_in_flight_until_it_ends(
    end: Callable[[CircuitBreaker, Callable[[], object]], None], settings: dict[str, Any]
) -> None:
    breaker, seen = limited(**settings), list[int | None]()

    copy_context().run(end, breaker, lambda: seen.append(in_flight(breaker)))  # it may leave a span attached

    assert (seen, in_flight(breaker)) == ([1], 0)


@pytest.mark.usefixtures("traced")
def test_a_call_that_forgets_to_leave_its_block_gives_its_place_back_when_the_block_is_dropped() -> None:
    breaker = limited()
    block, context = breaker.guard(), copy_context()

    context.run(block.__enter__)
    assert in_flight(breaker) == 1
    del block, context
    gc.collect()

    assert in_flight(breaker) == 0


# --- steps


def test_between_two_steps_a_generator_holds_no_place_and_its_next_step_is_never_refused() -> None:
    breaker = limited()

    def numbers() -> Iterator[int | None]:
        yield in_flight(breaker)
        yield in_flight(breaker)

    steps = breaker(numbers)()
    assert next(steps) == 1

    with breaker.guard():
        assert in_flight(breaker) == 1
        assert next(steps) == 2

    assert in_flight(breaker) == 0
    assert list(steps) == []


def test_a_generator_whose_first_step_is_over_the_limit_is_refused() -> None:
    breaker = limited()

    def numbers() -> Iterator[int]:
        yield 1

    with breaker.guard():
        steps = iter(breaker(numbers)())
        with pytest.raises(ConcurrencyLimitError):
            next(steps)


def test_a_returned_stream_that_is_dropped_between_two_steps_gives_no_place_back_twice() -> None:
    breaker = limited(max_in_flight=2)
    stream = breaker(lambda: (each for each in range(9)))()

    with breaker.guard():
        assert list(islice(stream, 2)) == [0, 1]
        del stream
        gc.collect()
        assert in_flight(breaker) == 1


# --- every way in


@pytest.mark.usefixtures("unpatched", "traced")
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.target == kind.use], ids=lambda kind: kind.target)
def test_every_way_in_refuses_a_call_over_the_limit(
    kind: Kind, entry: Callable[..., Any], time_of_all: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not enters(kind, entry):
        pytest.skip("there is no such way in")
    monkeypatch.setitem(entries.SETTINGS, "max_in_flight", 1)
    function, breaker = entry(kind, "return", monkeypatch)

    with breaker.guard(), pytest.raises(ConcurrencyLimitError):
        DRIVERS[kind.family](function, "return")

    DRIVERS[kind.family](function, "return")
    assert in_flight(breaker) == 0
