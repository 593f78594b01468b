"""An exception that a consumer throws into a guarded generator is ignored if it comes back unchanged."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.counts import counted
from tests.guard.shapes import Broken, complete, session, thin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

    from tests.fakes import FakeClock


class ClientError(Exception):
    """What the consumer raises."""


def database() -> Generator[str, None, None]:
    try:
        yield "database"
    finally:
        pass


async def cache() -> AsyncGenerator[str, None]:
    try:
        yield "cache"
    finally:
        await asyncio.sleep(0)


def test_clients_of_an_endpoint_cannot_open_the_circuit_of_its_dependency(clock: FakeClock) -> None:
    down = False

    def connect() -> Iterator[str]:
        if down:
            raise Broken
        yield from database()

    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    other = CircuitBreaker(failure_threshold=1, clock=clock)
    app = FastAPI()

    connected, cached = Depends(breaker(connect)), Depends(other(cache))

    @app.get("/find/{number}", dependencies=[connected, cached])
    def find(number: int) -> int:
        if number > 9:
            raise HTTPException(404)
        return number

    client = TestClient(app, raise_server_exceptions=False)
    statuses = [client.get(path).status_code for path in ("/find/10", "/find/x", "/find/1")]
    states = breaker.state, other.state
    down = True
    client.get("/find/1")

    assert statuses == [404, 422, 200]
    assert states == (CircuitState.CLOSED, CircuitState.CLOSED)
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("guard", [lambda b: b(database), lambda b: b(thin(database))], ids=["itself", "returned"])
def test_an_exception_that_comes_back_unchanged_is_ignored(
    breaker: CircuitBreaker, guard: Callable[[Any], Any]
) -> None:
    items, error = guard(breaker)(), ClientError()
    next(items)

    with pytest.raises(ClientError) as caught:
        items.throw(error)

    assert caught.value is error
    assert counted(breaker) == {"ignored": 1}


@pytest.mark.parametrize("guard", [lambda b: b(cache), lambda b: b(thin(cache))], ids=["itself", "returned"])
async def test_an_exception_that_comes_back_unchanged_from_an_async_generator_is_ignored(
    breaker: CircuitBreaker, guard: Callable[[Any], Any]
) -> None:
    items, error = guard(breaker)(), ClientError()
    await items.__anext__()

    with pytest.raises(ClientError) as caught:
        await items.athrow(error)

    assert caught.value is error
    assert counted(breaker) == {"ignored": 1}


def test_a_probe_that_is_ignored_frees_its_place(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.record_failure()
    clock.advance(10)
    items = breaker(database)()
    next(items)

    with pytest.raises(ClientError):
        items.throw(ClientError())

    assert (breaker.state, breaker.snapshot().probes_in_flight) == (CircuitState.HALF_OPEN, 0)


@pytest.mark.parametrize("error", [StopIteration("own"), StopAsyncIteration("own")])
def test_an_exception_that_python_replaces_is_still_the_consumers(breaker: CircuitBreaker, error: Exception) -> None:
    with suppress(RuntimeError, StopAsyncIteration, StopIteration), contextmanager(breaker(database))():
        raise error

    assert counted(breaker) == {"ignored": 1}


def test_another_error_while_handling_it_is_a_failure(breaker: CircuitBreaker) -> None:
    @breaker
    def rolling_back() -> Iterator[None]:
        try:
            yield
        except ClientError:
            raise Broken from None

    items: Any = rolling_back()
    next(items)
    with pytest.raises(Broken):
        items.throw(ClientError())

    assert counted(breaker) == {"failure": 1}


async def test_another_error_in_the_cleanup_of_an_async_generator_is_a_failure(breaker: CircuitBreaker) -> None:
    @breaker
    async def closing() -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise Broken

    items: Any = closing()
    await items.__anext__()
    with pytest.raises(Broken):
        await items.athrow(ClientError())

    assert counted(breaker) == {"failure": 1}


def test_an_exception_that_a_generator_handles_and_raises_later_is_its_own_failure(breaker: CircuitBreaker) -> None:
    @breaker
    def keeping() -> Iterator[str]:
        try:
            yield "first"
        except ClientError as error:
            kept = error
        yield "second"
        raise kept

    items: Any = keeping()
    next(items)
    items.throw(ClientError())
    with pytest.raises(ClientError):
        next(items)

    assert counted(breaker) == {"failure": 1}


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt])
def test_a_call_whose_consumer_is_stopped_is_cancelled(breaker: CircuitBreaker, error: type[BaseException]) -> None:
    items: Any = breaker(database)()
    next(items)

    with pytest.raises(error):
        items.throw(error())

    assert counted(breaker) == {"cancelled": 1}


@pytest.mark.parametrize("make", [contextmanager, asynccontextmanager])
def test_a_context_manager_of_a_guarded_generator_ignores_the_exceptions_of_its_block(
    breaker: CircuitBreaker, make: Any
) -> None:
    async def enter() -> None:
        if make is contextmanager:
            with make(breaker(database))():
                raise ClientError
        async with make(breaker(cache))():
            raise ClientError

    with pytest.raises(ClientError):
        asyncio.run(enter())

    assert counted(breaker) == {"ignored": 1}


def test_a_context_manager_that_is_guarded_itself_is_a_block_whose_exceptions_are_classified(
    breaker: CircuitBreaker,
) -> None:
    with pytest.raises(Broken), breaker(session)("return"):
        raise Broken

    assert counted(breaker) == {"failure": 1}


class Argument(str):
    """An argument whose end a weak reference shows."""

    __slots__ = ("__weakref__",)


def _echo(_argument: str) -> Iterator[int]:
    yield 1


async def _async_echo(_argument: str) -> AsyncIterator[int]:
    yield 1


def _close(items: Any) -> None:
    items.close()


def _throw(items: Any) -> None:
    with suppress(ClientError):
        items.throw(ClientError())


def _aclose(items: Any) -> None:
    complete(items.aclose())


def _athrow(items: Any) -> None:
    async def throw() -> None:
        with suppress(ClientError):
            await items.athrow(ClientError())

    complete(throw())


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("end", [_close, _throw, _aclose, _athrow])
@pytest.mark.parametrize("returned", [False, True], ids=["itself", "returned"])
def test_a_generator_that_is_ended_from_outside_keeps_its_arguments_no_longer(
    breaker: CircuitBreaker,
    end: Callable[[Any], None],
    returned: bool,
) -> None:
    is_async = end in (_aclose, _athrow)
    function: Any = _async_echo if is_async else _echo
    guarded = breaker(thin(function) if returned else function)

    def begin_and_end() -> weakref.ref[Argument]:
        argument = Argument("argument")
        items = guarded(argument)
        if is_async:
            complete(items.__anext__())
        else:
            next(items)
        end(items)
        return weakref.ref(argument)

    assert begin_and_end()() is None
