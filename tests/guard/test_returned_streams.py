"""Streams that a function returns: the call ends with the stream, and the caller gets one of the same type."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager, contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitState, get_breaker
from tests.guard.counts import counted
from tests.guard.shapes import Broken, answers, async_answers, complete, session, thin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from tests.fakes import FakeClock


def chunks() -> Iterator[int]:
    yield 1
    raise Broken


async def async_chunks() -> AsyncIterator[int]:
    yield 1
    raise Broken


@contextmanager
def connection() -> Iterator[int]:
    yield 1


@asynccontextmanager
async def async_connection() -> AsyncIterator[int]:
    yield 1


def returns_generator() -> Iterator[int]:
    return chunks()


def returns_async_generator() -> AsyncIterator[int]:
    return async_chunks()


def returns_manager() -> AbstractContextManager[int]:
    return connection()


def returns_async_manager() -> AbstractAsyncContextManager[int]:
    return async_connection()


def returns_map() -> Iterator[int]:
    return map(int, ["1", "x"])


def returns_filter() -> Iterator[str]:
    return filter(int, ["1", "x"])


def returns_chain() -> Iterator[int]:
    return chain(chunks(), [2])


def returns_slice() -> Iterator[int]:
    return islice(chunks(), 5)


async def async_returns_generator() -> Iterator[int]:
    return chunks()


async def async_returns_async_generator() -> AsyncIterator[int]:
    return async_chunks()


async def async_returns_async_manager() -> AbstractAsyncContextManager[int]:
    return async_connection()


async def read(function: Callable[[], Any]) -> None:
    """Read what a function returned until it breaks, or break its block."""
    stream = function()
    if inspect.iscoroutine(stream):
        stream = await stream
    if hasattr(stream, "__enter__"):
        with stream:
            raise Broken
    elif hasattr(stream, "__aenter__"):
        async with stream:
            raise Broken
    elif hasattr(stream, "__anext__"):
        async for _ in stream:
            pass
    else:
        list(stream)


RETURNING = [function for name, function in list(globals().items()) if "returns_" in name]


@pytest.mark.parametrize("function", RETURNING)
async def test_a_stream_that_breaks_is_a_failure(breaker: CircuitBreaker, function: Callable[[], Any]) -> None:
    with pytest.raises((Broken, ValueError)):
        await read(breaker(function))

    assert counted(breaker) == {"failure": 1}
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("function", RETURNING)
async def test_a_probe_whose_stream_breaks_does_not_close_the_circuit(
    breaker: CircuitBreaker, clock: FakeClock, function: Callable[[], Any]
) -> None:
    breaker.record_failure()
    clock.advance(10)

    with pytest.raises((Broken, ValueError)):
        await read(breaker(function))

    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("function", RETURNING)
@pytest.mark.usefixtures("unpatched", "time_of_all")
@pytest.mark.parametrize("key", ["", " {kind}"])
async def test_it_is_the_same_by_configuration_and_by_key(
    function: Callable[[], Any], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otel_breaker_instrumentation import OtelBreakerInstrumentor  # noqa: PLC0415  # taken away by `unpatched`

    monkeypatch.setitem(globals(), "ask", _with_a_parameter(function))
    target = {"function": f"{__name__}:ask", "breaker": f"streams{key}"}
    OtelBreakerInstrumentor().instrument(targets=[target], breakers={"streams": {"failure_threshold": 1}})

    with pytest.raises((Broken, ValueError)):
        await read(lambda: globals()["ask"]("one"))

    breaker = get_breaker("streams", key="one") if key else get_breaker("streams")
    assert breaker.state is CircuitState.OPEN


def _with_a_parameter(function: Callable[[], Any]) -> Callable[[str], Any]:
    if inspect.iscoroutinefunction(function):

        async def ask_later(kind: str) -> Any:  # makes the key
            return await function()

        return ask_later

    def ask(kind: str) -> Any:  # makes the key
        return function()

    return ask


@pytest.mark.parametrize("function", RETURNING)
async def test_it_is_of_the_same_type(breaker: CircuitBreaker, function: Callable[[], Any]) -> None:
    unguarded, guarded = function(), breaker(function)()
    if inspect.iscoroutine(unguarded):
        unguarded, guarded = await unguarded, await guarded

    assert type(guarded) is type(unguarded)


LOOKS: dict[str, Callable[[Any], object]] = {
    "inspect.isgenerator": inspect.isgenerator,
    "__name__": lambda given: given.__name__,
    "__qualname__": lambda given: given.__qualname__,
    "gi_code": lambda given: given.gi_code.co_name,
    "gi_frame": lambda given: given.gi_frame.f_code.co_name,
    "state": inspect.getgeneratorstate,
    "iter": lambda given: iter(given) is given,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_generator_looks_as_without_a_guard(breaker: CircuitBreaker, look: Callable[[Any], object]) -> None:
    assert look(breaker(returns_generator)()) == look(returns_generator())


def test_a_manager_is_the_very_object(breaker: CircuitBreaker) -> None:
    made = session("return")

    with breaker(lambda: made)() as item:
        assert item == "item"

    assert counted(breaker) == {"success": 1}


def test_an_iterator_goes_on_after_it_has_raised_as_ever(breaker: CircuitBreaker) -> None:
    given = breaker(lambda: map(int, ["1", "x", "2"]))()
    first = next(given)
    with pytest.raises(ValueError, match="invalid literal"):
        next(given)

    assert (first, next(given)) == (1, 2)
    assert counted(breaker) == {"failure": 1}


def test_an_iterator_that_is_dropped_after_an_item_has_succeeded(breaker: CircuitBreaker) -> None:
    given = breaker(returns_map)()
    next(given)

    del given

    assert counted(breaker) == {"success": 1}


def test_a_generator_that_has_started_is_returned_itself(breaker: CircuitBreaker) -> None:
    started = answers("return")
    next(started)

    assert breaker(lambda: started)() is started
    assert counted(breaker) == {"success": 1}


async def test_an_async_generator_that_has_started_is_returned_itself(breaker: CircuitBreaker) -> None:
    started = async_chunks()
    await started.__anext__()

    assert breaker(lambda: started)() is started
    assert counted(breaker) == {"success": 1}


def test_a_generator_that_its_maker_keeps_goes_on_there_when_the_caller_drops_it(breaker: CircuitBreaker) -> None:
    kept = (number for number in range(3))

    for first in breaker(lambda: kept)():  # noqa: B007  # read after the loop
        break

    assert (first, list(kept)) == (0, [1, 2])
    assert counted(breaker) == {"success": 1}


async def test_an_async_generator_that_its_maker_keeps_goes_on_there(breaker: CircuitBreaker) -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    kept = numbers()

    async for _ in breaker(lambda: kept)():
        break
    await asyncio.sleep(0)

    assert [number async for number in kept] == [1, 2]


def test_a_stream_that_is_slow_to_give_an_item_is_slow_and_its_consumer_is_not(clock: FakeClock) -> None:
    def items(seconds: float) -> Generator[int, None, None]:
        for number in range(2):
            clock.advance(seconds)
            yield number

    breaker = CircuitBreaker(slow_call_duration=1, slow_call_rate=0.5, minimum_calls=1, clock=clock)
    guarded = breaker(thin(items))
    for _ in guarded(0.1):
        clock.advance(100)
    before = breaker.state
    list(guarded(2))

    assert (before, breaker.state) == (CircuitState.CLOSED, CircuitState.OPEN)


def test_a_fallback_may_return_a_stream(clock: FakeClock) -> None:
    breaker = CircuitBreaker(fallback=lambda: iter([7]), clock=clock)
    breaker.force_open()
    fallback_of_a_stream = CircuitBreaker(fallback=returns_generator, clock=clock)
    fallback_of_a_stream.force_open()

    assert list(breaker(returns_generator)()) == [7]
    assert next(fallback_of_a_stream(returns_generator)()) == 1
    assert counted(breaker) == counted(fallback_of_a_stream) == {"rejected": 1}


def test_a_stream_of_another_loop_is_read_without_one(breaker: CircuitBreaker) -> None:
    given: Any = breaker(lambda: async_answers("return"))()

    assert complete(given.__anext__()) == "item"
    with pytest.raises(StopAsyncIteration):
        complete(given.__anext__())
    assert counted(breaker) == {"success": 1}
