"""Functions that return an object with callbacks: the call ends when they run, and the caller gets the same object."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from twisted.internet import defer

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.counts import counted
from tests.guard.shapes import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def test_a_future_of_a_pool_is_the_very_object_and_its_failure_opens_the_circuit(breaker: CircuitBreaker) -> None:
    made: Future[str] = Future()
    given = breaker(lambda: made)()
    before = counted(breaker)

    made.set_exception(Broken())

    assert given is made
    assert (before, counted(breaker)) == ({}, {"failure": 1})
    assert breaker.state is CircuitState.OPEN


def test_a_guarded_submit_counts_the_outcome_of_its_work(breaker: CircuitBreaker) -> None:
    with ThreadPoolExecutor(1) as pool:
        future = breaker(pool.submit)(int, "7")

    assert future.result() == 7
    assert counted(breaker) == {"success": 1}


def test_the_result_of_a_pools_future_is_classified(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_result=lambda given: given == "bad", clock=clock)
    future: Future[str] = breaker(Future)()

    future.set_result("bad")

    assert counted(breaker) == {"failure": 1}


def test_a_future_of_a_pool_that_is_slow_is_a_slow_call(clock: FakeClock) -> None:
    breaker = CircuitBreaker(slow_call_duration=1, slow_call_rate=1, minimum_calls=1, clock=clock)
    future: Future[str] = breaker(Future)()

    clock.advance(2)
    future.set_result("late")

    assert breaker.state is CircuitState.OPEN


def test_a_future_of_a_pool_that_is_cancelled_is_cancelled(breaker: CircuitBreaker) -> None:
    future: Future[str] = breaker(Future)()

    future.cancel()
    with pytest.raises(CancelledError):
        future.result()

    assert counted(breaker) == {"cancelled": 1}


@pytest.mark.usefixtures("without_collector")
def test_a_future_of_a_pool_that_is_dropped_holds_no_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.record_failure()
    clock.advance(10)
    future: Future[str] = breaker(Future)()
    during = breaker.snapshot().probes_in_flight

    del future

    assert (during, breaker.snapshot().probes_in_flight) == (1, 0)


class Odd(Future[str]):
    """A future that hides its outcome."""

    def cancelled(self) -> bool:
        raise Broken


def test_a_future_that_hides_its_outcome_ends_the_call_all_the_same(
    breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture
) -> None:
    future = breaker(Odd)()

    future.set_result("answer")

    assert counted(breaker) == {"ignored": 1}
    assert caplog.records == []  # `concurrent.futures` logs what a callback raises


class AlmostFuture:
    """Has callbacks and can be awaited, and has nothing else."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Any], object]] = []

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        return False

    def __await__(self) -> Generator[Any, Any, str]:
        yield from asyncio.sleep(0).__await__()
        for callback in self._callbacks:
            callback(self)
        return "answer"


async def test_an_object_with_callbacks_but_neither_result_nor_exception_is_left_alone(breaker: CircuitBreaker) -> None:
    assert await breaker(AlmostFuture)() == "answer"
    assert counted(breaker) == {"success": 1}


# --- Twisted


def test_a_deferred_is_the_very_object_and_passes_on_its_result(breaker: CircuitBreaker) -> None:
    made: defer.Deferred[str] = defer.Deferred()
    given = breaker(lambda: made)()
    before, seen = counted(breaker), list[str]()
    given.addCallback(seen.append)

    made.callback("answer")

    assert given is made
    assert seen == ["answer"]
    assert (before, counted(breaker)) == ({}, {"success": 1})


def test_a_deferred_that_fails_is_a_failure_and_passes_on_the_same_exception(breaker: CircuitBreaker) -> None:
    error, seen = Broken(), list[BaseException]()
    deferred: Any = breaker(lambda: defer.fail(error))()
    deferred.addErrback(lambda failure: seen.append(failure.value))

    assert seen == [error]
    assert counted(breaker) == {"failure": 1}


def test_a_deferred_that_is_cancelled_is_cancelled(breaker: CircuitBreaker) -> None:
    deferred: Any = breaker(defer.Deferred)()
    deferred.addErrback(lambda failure: failure.trap(defer.CancelledError))

    deferred.cancel()

    assert counted(breaker) == {"cancelled": 1}


@pytest.mark.parametrize("decorate", [defer.inlineCallbacks, defer.Deferred.fromCoroutine])
def test_functions_that_twisted_makes_of_generators_and_coroutines_are_followed(
    breaker: CircuitBreaker, decorate: Callable[[Any], Any]
) -> None:
    waited: defer.Deferred[str] = defer.Deferred()

    def steps() -> Generator[Any, Any, str]:
        answer: str = yield waited
        return answer

    async def coroutine() -> str:
        return await waited

    made = decorate(steps) if decorate is defer.inlineCallbacks else lambda: decorate(coroutine())
    deferred = breaker(made)()
    before = counted(breaker)
    waited.errback(Broken())
    deferred.addErrback(lambda failure: failure.trap(Broken))

    assert isinstance(deferred, defer.Deferred)
    assert (before, counted(breaker)) == ({}, {"failure": 1})


@pytest.mark.usefixtures("without_collector")
def test_a_deferred_that_is_dropped_holds_no_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.record_failure()
    clock.advance(10)
    deferred: defer.Deferred[str] = breaker(defer.Deferred)()
    during = breaker.snapshot().probes_in_flight

    del deferred

    assert (during, breaker.snapshot().probes_in_flight) == (1, 0)


# --- gRPC


async def _answer(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    if request == b"fail":
        await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
    return request


async def _answers(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[bytes]:
    yield b"item"
    await _answer(request, context)


HANDLERS = {
    "One": grpc.unary_unary_rpc_method_handler(_answer),
    "Many": grpc.unary_stream_rpc_method_handler(_answers),
}


async def serving() -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Payments", HANDLERS)])
    port = server.add_insecure_port("localhost:0")
    await server.start()
    return server, f"localhost:{port}"


@pytest.mark.parametrize(("request_", "outcome"), [(b"answer", "success"), (b"fail", "failure")])
async def test_a_call_of_grpc_aio_is_returned_itself_and_classified_by_its_status(
    breaker: CircuitBreaker, request_: bytes, outcome: str
) -> None:
    server, address = await serving()
    async with grpc.aio.insecure_channel(address) as channel:
        made = channel.unary_unary("/shop.Payments/One")(request_)
        given = breaker(lambda: made)()
        before = counted(breaker)
        try:
            answer = await given
        except grpc.aio.AioRpcError as error:
            answer = error.code()
    await server.stop(None)

    assert given is made
    assert answer in (b"answer", grpc.StatusCode.UNAVAILABLE)
    assert (before, counted(breaker)) == ({}, {outcome: 1})


async def test_a_stream_of_grpc_aio_that_breaks_half_way_is_a_failure(breaker: CircuitBreaker) -> None:
    server, address = await serving()
    items = []
    async with grpc.aio.insecure_channel(address) as channel:
        stream = breaker(channel.unary_stream("/shop.Payments/Many"))(b"fail")
        items.append(await stream.read())
        with pytest.raises(grpc.aio.AioRpcError):
            await stream.read()
    await server.stop(None)

    assert items == [b"item"]
    assert counted(breaker) == {"failure": 1}


async def test_a_call_of_grpc_aio_that_is_cancelled_is_cancelled(breaker: CircuitBreaker) -> None:
    async with grpc.aio.insecure_channel("localhost:1") as channel:
        call = breaker(channel.unary_unary("/shop.Payments/One"))(b"answer")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert counted(breaker) == {"cancelled": 1}


async def test_a_call_of_grpc_aio_that_fails_names_its_error(clock: FakeClock, spans: Spans) -> None:
    breaker = CircuitBreaker(clock=clock)
    server, address = await serving()
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await breaker(channel.unary_unary("/shop.Payments/One"))(b"fail")
    await server.stop(None)

    assert (spans.last().attributes or {})["error.type"] == "grpc.aio._call.AioRpcError"


async def test_a_future_of_synchronous_grpc_is_followed(breaker: CircuitBreaker) -> None:
    server, address = await serving()

    def ask() -> tuple[bool, grpc.StatusCode]:
        with grpc.insecure_channel(address) as channel:
            future = breaker(channel.unary_unary("/shop.Payments/One").future)(b"fail")
            error = future.exception(timeout=10)
            return isinstance(future, grpc.Future), error.code()

    seen = await asyncio.to_thread(ask)
    await server.stop(None)
    gc.collect()

    assert seen == (True, grpc.StatusCode.UNAVAILABLE)
    assert counted(breaker) == {"failure": 1}
