"""Functions that return awaitables: the call ends when the awaitable does."""

from __future__ import annotations

import asyncio
import gc
import inspect
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.counts import counted
from tests.guard.shapes import Broken, Promise, Request, answer_later, answer_request, complete

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def call(function: Callable[[], Coroutine[Any, Any, Any]]) -> Coroutine[Any, Any, Any]:
    """A function that returns a coroutine."""
    return function()


def future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def callbacks_run() -> None:
    """Let the loop run the callbacks of a future."""
    await asyncio.sleep(0)


async def test_a_future_is_returned_itself_and_ends_the_call_with_its_result(breaker: CircuitBreaker) -> None:
    made = future()
    given = breaker(lambda: made)()
    before = counted(breaker)

    made.set_result("answer")
    await callbacks_run()

    assert given is made
    assert await given == "answer"
    assert (before, counted(breaker)) == ({}, {"success": 1})


async def test_a_future_that_fails_is_a_failure(breaker: CircuitBreaker) -> None:
    given = breaker(future)()

    given.set_exception(Broken())
    with pytest.raises(Broken):
        await given
    await callbacks_run()

    assert counted(breaker) == {"failure": 1}
    assert breaker.state is CircuitState.OPEN


async def test_a_future_that_is_cancelled_is_cancelled(breaker: CircuitBreaker) -> None:
    given = breaker(future)()

    given.cancel()
    with pytest.raises(CancelledError):
        await given
    await callbacks_run()

    assert counted(breaker) == {"cancelled": 1}


async def test_a_future_that_is_dropped_holds_no_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.record_failure()
    clock.advance(10)
    given = breaker(future)()
    during = breaker.snapshot().probes_in_flight

    del given
    gc.collect()

    assert (during, breaker.snapshot().probes_in_flight) == (1, 0)


async def test_a_future_that_is_dropped_leaves_no_span_unfinished(clock: FakeClock, spans: Spans) -> None:
    breaker = CircuitBreaker(clock=clock)
    given = breaker(future)()

    del given
    gc.collect()

    assert len(spans()) == 1


async def test_a_task_that_a_function_starts_is_one_call_whether_awaited_or_not(breaker: CircuitBreaker) -> None:
    started = breaker(lambda: asyncio.create_task(answer_later("raise")))

    task = started()
    await asyncio.wait([task])

    assert isinstance(task, asyncio.Task)
    assert isinstance(task.exception(), Broken)
    assert counted(breaker) == {"failure": 1}


def test_a_returned_coroutine_is_one_for_those_who_ask(breaker: CircuitBreaker) -> None:
    given = breaker(lambda: answer_later("return"))()

    assert (inspect.isawaitable(given), asyncio.iscoroutine(given)) == (True, True)
    assert complete(given) == "answer"


@pytest.mark.parametrize("pause", [asyncio.sleep, trio.sleep], ids=["asyncio", "trio"])
def test_a_returned_coroutine_runs_in_every_loop(breaker: CircuitBreaker, pause: Callable[[float], Any]) -> None:
    made = breaker(lambda: pause(0))

    async def main() -> None:
        await made()

    if pause is trio.sleep:
        trio.run(main)
    else:
        asyncio.run(main())

    assert counted(breaker) == {"success": 1}


async def test_a_returned_coroutine_can_be_made_a_task_that_is_cancelled(breaker: CircuitBreaker) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(breaker(lambda: call(wait))())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(CancelledError):
        await task

    assert counted(breaker) == {"cancelled": 1}


def test_a_returned_coroutine_that_is_closed_before_it_starts_is_cancelled(breaker: CircuitBreaker) -> None:
    given: Any = breaker(lambda: answer_later("return"))()

    given.close()
    del given

    assert counted(breaker) == {"cancelled": 1}


def test_a_returned_coroutine_that_is_never_awaited_causes_pythons_warning(breaker: CircuitBreaker) -> None:
    with pytest.warns(RuntimeWarning, match="answer_later' was never awaited"):
        str(breaker(lambda: answer_later("return"))())

    assert counted(breaker) == {"cancelled": 1}


def test_a_request_that_is_entered_is_the_very_object_and_a_call_as_long_as_entering_takes(
    breaker: CircuitBreaker,
) -> None:
    made = answer_request("return")
    given = breaker(lambda: made)()

    async def main() -> str:
        async with given as response:
            assert counted(breaker) == {"success": 1}
            return response

    assert given is made
    assert complete(main()) == "answer"


def test_a_mere_awaitable_is_returned_itself_and_its_call_ends_on_return(breaker: CircuitBreaker) -> None:
    made = Promise("raise")

    given = breaker(lambda: made)()

    assert given is made
    assert counted(breaker) == {"success": 1}


def test_a_mere_awaitable_holds_no_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.record_failure()
    clock.advance(10)

    client = breaker(lambda: Promise("return"))()

    assert (client, breaker.state) == (client, CircuitState.CLOSED)


def test_a_mere_awaitable_is_no_slow_call_while_it_is_kept(clock: FakeClock) -> None:
    breaker = CircuitBreaker(slow_call_duration=1, slow_call_rate=0.5, minimum_calls=2, clock=clock)
    clients = [breaker(lambda: Promise("return"))() for _ in range(3)]
    clock.advance(100)

    breaker(str)()

    assert (len(clients), breaker.state) == (3, CircuitState.CLOSED)


def test_an_object_that_holds_a_coroutine_for_other_code_is_left_alone(breaker: CircuitBreaker) -> None:
    class Handle(Promise):
        """The `send` of a task that will run the coroutine."""

        def __init__(self) -> None:
            super().__init__("return")
            self.coroutine = answer_later("return")

    made = Handle()
    coroutine = made.coroutine

    given = breaker(lambda: made)()

    assert (given, given.coroutine) == (made, coroutine)
    assert counted(breaker) == {"success": 1}
    assert complete(coroutine) == "answer"


def test_an_object_that_holds_a_coroutine_which_has_started_is_left_alone(breaker: CircuitBreaker) -> None:
    coroutine = answer_later("return")
    coroutine.send(None)
    made = Request(coroutine)

    assert breaker(lambda: made)() is made
    assert counted(breaker) == {"success": 1}
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.mark.parametrize(("result", "outcome"), [("answer", "success"), ("bad", "failure")])
def test_the_result_of_an_awaitable_is_classified_and_not_the_awaitable(
    clock: FakeClock, result: str, outcome: str
) -> None:
    breaker = CircuitBreaker(failure_result=lambda given: given == "bad", clock=clock)

    async def give() -> str:
        return result

    complete(breaker(lambda: call(give))())

    assert counted(breaker) == {outcome: 1}
