"""For a coroutine that a function returned the caller gets another, which cannot be distinguished from it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import types
import warnings
import weakref
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker
from tests.guard.counts import counted
from tests.guard.shapes import Broken, Pause, async_answers, complete, thin

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from tests.fakes import FakeClock


class Client:
    async def charge(self, value: int = 7) -> int:
        await Pause()
        return value


def made() -> Coroutine[Any, Any, int]:
    return Client().charge()


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker(failure_threshold=1, recovery_time=10, clock=clock)


LOOKS: dict[str, Callable[[Any], object]] = {
    "type": type,
    "inspect.iscoroutine": inspect.iscoroutine,
    "asyncio.iscoroutine": asyncio.iscoroutine,
    "types.CoroutineType": lambda given: isinstance(given, types.CoroutineType),
    "__name__": lambda given: given.__name__,
    "__qualname__": lambda given: given.__qualname__,
    "cr_code.co_name": lambda given: given.cr_code.co_name,
    "cr_code.co_qualname": lambda given: getattr(given.cr_code, "co_qualname", None),
    "cr_frame": lambda given: given.cr_frame.f_code.co_name,
    "cr_running": lambda given: given.cr_running,
    "state": inspect.getcoroutinestate,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_it_looks_as_without_a_guard(breaker: CircuitBreaker, look: Callable[[Any], object]) -> None:
    unguarded, guarded = made(), breaker(made)()
    seen = look(unguarded), look(guarded)
    unguarded.close()
    guarded.close()

    assert seen[0] == seen[1]


def test_it_can_be_awaited_once_as_ever(breaker: CircuitBreaker) -> None:
    given = breaker(made)()
    complete(given)

    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        complete(given)

    assert counted(breaker) == {"success": 1}


def test_one_that_is_never_awaited_causes_one_warning_with_its_name(breaker: CircuitBreaker) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        str(breaker(made)())

    assert [str(warning.message) for warning in caught] == ["coroutine 'Client.charge' was never awaited"]


async def test_its_task_is_shown_by_its_name(breaker: CircuitBreaker) -> None:
    task = asyncio.create_task(breaker(made)())

    assert "coro=<Client.charge()" in repr(task)
    assert await task == 7


def test_one_that_has_started_is_returned_itself(breaker: CircuitBreaker) -> None:
    started = made()
    started.send(None)

    returned = breaker(lambda: started)()

    assert returned is started
    assert counted(breaker) == {"success": 1}
    started.close()


@pytest.mark.filterwarnings("ignore:coroutine 'Client.charge' was never awaited:RuntimeWarning")
def test_one_that_its_maker_keeps_can_be_awaited_there_when_the_caller_drops_it(breaker: CircuitBreaker) -> None:
    kept = made()

    str(breaker(lambda: kept)())

    assert complete(kept) == 7
    assert counted(breaker) == {"cancelled": 1}


async def test_a_future_that_lives_long_keeps_no_context_of_its_callers(breaker: CircuitBreaker) -> None:
    class Value:
        """A value in the caller's context."""

    variable: ContextVar[Value] = ContextVar("variable")
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def ask() -> weakref.ref[Value]:
        value = Value()
        variable.set(value)
        breaker(lambda: future)()
        return weakref.ref(value)

    gone = copy_context().run(ask)
    gc.collect()

    assert gone() is None
    future.cancel()


@types.coroutine
def old_style() -> Generator[Any, Any, str]:
    yield
    return "answer"


def test_a_generator_that_can_be_awaited_stays_one(breaker: CircuitBreaker) -> None:
    given: Any = breaker(thin(old_style))()

    assert inspect.isgenerator(given)
    assert inspect.isawaitable(given)

    async def main() -> object:
        return await given

    assert complete(main()) == "answer"
    assert counted(breaker) == {"success": 1}


def test_a_failure_thrown_in_by_a_loop_is_its_failure(breaker: CircuitBreaker) -> None:
    given = breaker(made)()
    given.send(None)

    with pytest.raises(Broken):
        given.throw(Broken())

    assert counted(breaker) == {"failure": 1}


def test_a_stream_that_it_returns_is_followed_on(breaker: CircuitBreaker) -> None:
    async def ask() -> Any:
        return async_answers("raise")

    async def main() -> None:
        async for _ in await breaker(thin(ask))():
            assert counted(breaker) == {}

    with pytest.raises(Broken):
        complete(main())

    assert counted(breaker) == {"failure": 1}
