"""Faults that other breakers have had with callables."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import math
import pickle
import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.guard import shapes
from tests.guard.shapes import Broken, complete

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from tests.fakes import FakeClock


async def fail_later() -> None:
    raise Broken


class FailsLater:
    async def __call__(self) -> None:
        raise Broken


def fails_with_a_coroutine() -> Any:
    return fail_later()


@types.coroutine
def fail_in_an_old_coroutine() -> Generator[Any, Any, None]:
    yield
    raise Broken


ASYNCHRONOUS: dict[str, Callable[[], Any]] = {
    "coroutine function": fail_later,
    "asynchronous __call__": FailsLater(),
    "partial": partial(fail_later),
    "partial of an object": partial(FailsLater()),
    "bound __call__": FailsLater().__call__,
    "plain function": fails_with_a_coroutine,
    "AsyncMock": AsyncMock(side_effect=Broken),
    "generator-based coroutine": fail_in_an_old_coroutine,
}


@pytest.mark.parametrize("function", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS)
def test_what_fails_when_it_is_awaited_is_a_failure_and_opens(clock: FakeClock, function: Callable[[], Any]) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)
    guarded = breaker(function)

    async def call() -> None:
        await guarded()

    for _ in range(3):
        with pytest.raises(Broken):
            complete(call())

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["success"] == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no marked coroutine functions before Python 3.12")
def test_a_function_marked_as_a_coroutine_function_stays_marked() -> None:
    marked: Any = inspect.markcoroutinefunction(fails_with_a_coroutine)  # type: ignore[attr-defined,unused-ignore]

    guarded = CircuitBreaker()(marked)

    assert inspect.iscoroutinefunction(guarded)


MARKED = [name for name in ASYNCHRONOUS if name not in ("plain function", "generator-based coroutine")]


@pytest.mark.parametrize("name", MARKED)
def test_inspect_takes_the_guard_of_a_coroutine_function_for_one(name: str) -> None:
    guarded = CircuitBreaker()(ASYNCHRONOUS[name])

    assert inspect.iscoroutinefunction(guarded)


@pytest.mark.parametrize(
    ("kind", "is_kind"),
    [
        ("answers", inspect.isgeneratorfunction),
        ("async_answers", inspect.isasyncgenfunction),
        ("partial_answers", inspect.isgeneratorfunction),
        ("generator_callable", inspect.isgeneratorfunction),
        ("answer", inspect.isfunction),
    ],
)
def test_a_generator_function_is_one_when_guarded(kind: str, is_kind: Callable[[object], bool]) -> None:
    guarded = CircuitBreaker()(shapes.found(kind))

    assert is_kind(guarded)
    assert not inspect.iscoroutinefunction(guarded)


def test_a_generator_that_fails_late_is_a_failure(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    stream = breaker(shapes.answers)("raise")
    before = next(stream), breaker.snapshot().calls["success"]

    with pytest.raises(Broken):
        next(stream)

    assert before == ("item", 0)
    assert breaker.state is CircuitState.OPEN


def test_an_async_generator_that_fails_late_is_a_failure(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    async def read() -> None:
        async for _ in breaker(shapes.async_answers)("raise"):
            assert breaker.snapshot().calls["success"] == 0

    with pytest.raises(Broken):
        asyncio.run(read())

    assert breaker.state is CircuitState.OPEN


def test_consumers_that_break_off_are_no_failures(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    for _ in range(5):
        for _ in breaker(shapes.answers)("return"):
            break

    assert breaker.state is CircuitState.CLOSED
    assert breaker.snapshot().calls["success"] == 5


async def test_consumers_that_break_off_an_async_stream_are_no_failures(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    for _ in range(5):
        stream = breaker(shapes.async_answers)("return")
        async for _ in stream:
            break
        await stream.aclose()

    assert breaker.snapshot().calls["success"] == 5


@pytest.mark.parametrize("make", [shapes.answers, shapes.async_answers], ids=["generator", "async generator"])
def test_a_generator_that_is_never_started_takes_nothing(clock: FakeClock, make: Callable[[str], object]) -> None:
    breaker = due(clock)

    never_started = breaker(make)("return")

    assert breaker.state is CircuitState.OPEN  # no call has been made yet
    assert breaker.snapshot().probes_in_flight == 0
    del never_started


def test_a_stream_that_is_held_open_for_ever_loses_its_probe_to_the_next_caller(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=60)
    held = breaker(shapes.answers)("return")
    next(held)

    clock.advance(60 + 10)
    breaker.call(int)

    assert breaker.state is CircuitState.CLOSED
    held.close()
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.usefixtures("spans")
def test_a_guarded_stream_may_be_read_and_closed_in_other_contexts(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = due(clock)
    stream: Iterator[str] = breaker(shapes.answers)("return")

    for step in (stream.__next__, stream.close):  # type: ignore[attr-defined]  # a generator
        contextvars.Context().run(step)

    assert breaker.state is CircuitState.CLOSED
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.usefixtures("spans")
async def test_a_guarded_async_stream_may_be_read_by_one_task_and_closed_by_another(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    items: Any = stream()
    await asyncio.create_task(items.__anext__())
    await asyncio.create_task(items.aclose())

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("guard", [lambda breaker, given: breaker(given), lambda breaker, given: breaker.call(given)])
def test_a_coroutine_instead_of_a_function_is_refused_and_closed(
    guard: Callable[[CircuitBreaker, Any], object],
) -> None:
    coroutine = fail_later()

    with pytest.raises(TypeError, match="give the function and its arguments"):
        guard(CircuitBreaker(), coroutine)

    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_refused_coroutine_function_is_never_called(clock: FakeClock) -> None:
    breaker, called = CircuitBreaker(clock=clock), []
    breaker.force_open()

    def make() -> Any:
        called.append(1)
        return fail_later()

    with pytest.raises(CircuitOpenError):
        breaker(make)()

    assert called == []


@pytest.mark.usefixtures("unpatched", "time_of_all")
@pytest.mark.parametrize("target", ["answer", "answer_later", "answers", "Client.charge", "Client.charge_by_class"])
def test_a_patched_function_pickles_by_its_name(target: str) -> None:
    patch(f"{shapes.__name__}:{target}")
    guarded = shapes.found(target)

    assert pickle.loads(pickle.dumps(guarded)) == guarded


@pytest.mark.usefixtures("unpatched", "time_of_all")
def test_a_patched_function_of_c_still_pickles() -> None:
    patch("math:gcd")

    assert pickle.loads(pickle.dumps(math.gcd))(4, 6) == 2


def due(clock: FakeClock, probe_timeout: float = 60) -> CircuitBreaker:
    """A circuit whose next call is a probe."""
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=10, probe_timeout=probe_timeout, clock=clock)
    breaker.record_failure()
    clock.advance(10)
    return breaker


def patch(target: str) -> None:
    OtelBreakerInstrumentor().instrument(targets=[{"function": target}], breakers={})
