"""A guarded generator and its consumer pass everything to each other, unchanged."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import weakref
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.guard.counts import counted
from tests.guard.shapes import Broken, Pause, complete

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from tests.conftest import Spans


def echo(log: list[object]) -> Generator[object, Any, str]:
    """Yields what it is sent and what is thrown in, and returns how it ended."""
    value: object = "first"
    try:
        while value != "stop":
            try:
                value = yield value
            except Broken as error:
                value = error
    finally:
        log.append("left")
    return "done"


async def async_echo(log: list[object]) -> AsyncGenerator[object, Any]:
    value: object = "first"
    try:
        while value != "stop":
            try:
                value = yield value
            except Broken as error:
                value = error
    finally:
        await Pause()  # so that only its consumer can close it
        log.append("left")


def test_sent_values_arrive_and_yielded_values_come_back(breaker: CircuitBreaker) -> None:
    items, sent = breaker(echo)([]), object()
    first = next(items)

    assert first == "first"
    assert items.send(sent) is sent
    assert next(items) is None


def test_a_thrown_exception_arrives_as_the_same_object_and_may_be_handled(breaker: CircuitBreaker) -> None:
    items, thrown = breaker(echo)([]), Broken()
    next(items)

    answer = items.throw(thrown)
    items.close()

    assert answer is thrown
    assert counted(breaker) == {"success": 1}


def test_the_returned_value_is_the_value_of_yield_from(breaker: CircuitBreaker) -> None:
    def reader() -> Generator[object, Any, str]:
        return (yield from breaker(echo)([]))

    items = reader()
    next(items)
    with pytest.raises(StopIteration) as stopped:
        items.send("stop")

    assert stopped.value.value == "done"


def test_a_generator_that_was_sent_nothing_returns_its_value_as_well(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[int, None, str]:
        yield 1
        return "done"

    def reader() -> Generator[int, None, None]:
        returned.append((yield from items()))

    returned: list[str] = []
    list(reader())

    assert returned == ["done"]


def test_closing_reaches_the_generator(breaker: CircuitBreaker) -> None:
    log: list[object] = []
    items = breaker(echo)(log)
    next(items)

    items.close()

    assert log == ["left"]
    assert counted(breaker) == {"success": 1}


def test_an_exception_on_closing_reaches_the_consumer_and_is_a_failure(breaker: CircuitBreaker) -> None:
    error = Broken()

    @breaker
    def items() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            raise error

    reading = items()
    next(reading)
    with pytest.raises(Broken) as caught:
        reading.close()

    assert caught.value is error
    assert counted(breaker) == {"failure": 1}


def test_a_thrown_generator_exit_that_is_answered_is_answered(breaker: CircuitBreaker) -> None:
    def items() -> Generator[str, None, None]:
        try:
            yield "item"
        except GeneratorExit:
            yield "not yet"

    unguarded_items, guarded = items(), breaker(items)()
    next(unguarded_items)
    next(guarded)
    unguarded = unguarded_items.throw(GeneratorExit)

    assert guarded.throw(GeneratorExit) == unguarded == "not yet"


def test_a_stop_iteration_inside_is_the_same_error_as_without_a_guard(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[int, None, None]:
        yield 1
        raise StopIteration  # noqa: PLR1708  # the fault that is looked for

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        list(items())

    assert counted(breaker) == {"failure": 1}


def test_a_call_that_the_caller_makes_wrongly_is_no_success(breaker: CircuitBreaker) -> None:
    with pytest.raises(TypeError):
        list(breaker(echo)())  # type: ignore[call-arg]  # on purpose

    assert "success" not in counted(breaker)


def test_an_exception_that_was_thrown_and_answered_is_not_kept_alive(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[int, None, None]:
        with suppress(Broken):
            yield 1
        yield 2

    def thrown_and_gone() -> weakref.ref[Broken]:
        reading, error = items(), Broken()
        reference = weakref.ref(error)
        next(reading)
        reading.throw(error)
        del error  # the interpreter may keep this frame until the error is gone
        reading.close()
        return reference

    gc.disable()
    try:
        assert thrown_and_gone()() is None
    finally:
        gc.enable()


class Item:
    """A value whose end a weak reference shows."""


def test_an_item_lives_no_longer_than_its_consumer_holds_it(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[Item, None, None]:
        yield Item()
        yield Item()

    reading = items()
    seen = weakref.ref(next(reading))

    assert seen() is None


def test_a_sent_value_lives_no_longer_than_the_generator_holds_it(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[None, Item, None]:
        yield None
        yield None

    reading, sent = items(), Item()
    next(reading)
    reading.send(sent)
    seen = weakref.ref(sent)
    del sent

    assert seen() is None


def test_an_item_of_an_async_generator_lives_no_longer_than_its_consumer_holds_it(breaker: CircuitBreaker) -> None:
    @breaker
    async def items() -> AsyncGenerator[Item, None]:
        yield Item()
        yield Item()

    reading = items()
    seen = weakref.ref(complete(reading.__anext__()))

    assert seen() is None
    complete(reading.aclose())


@pytest.mark.parametrize("sent", ["value", None, 0, ()])
def test_a_value_that_is_sent_to_an_async_generator_arrives(breaker: CircuitBreaker, sent: object) -> None:
    items = breaker(async_echo)([])
    first = complete(items.__anext__())

    answer = complete(items.asend(sent))
    complete(items.aclose())

    assert (first, answer) == ("first", sent)


def test_an_exception_that_is_thrown_into_an_async_generator_arrives_and_may_be_handled(
    breaker: CircuitBreaker,
) -> None:
    items, thrown = breaker(async_echo)([]), Broken()
    complete(items.__anext__())

    assert complete(items.athrow(thrown)) is thrown
    with pytest.raises(StopAsyncIteration):
        complete(items.asend("stop"))
    assert counted(breaker) == {"success": 1}


def test_a_generator_exit_that_is_thrown_into_an_async_generator_comes_back(breaker: CircuitBreaker) -> None:
    items = breaker(async_echo)([])
    complete(items.__anext__())

    with pytest.raises(GeneratorExit):
        complete(items.athrow(GeneratorExit()))

    assert counted(breaker) == {"success": 1}


def test_closing_reaches_an_async_generator(breaker: CircuitBreaker) -> None:
    log: list[object] = []
    items = breaker(async_echo)(log)
    complete(items.__anext__())

    complete(items.aclose())

    assert log == ["left"]
    assert counted(breaker) == {"success": 1}


def test_a_loop_that_closes_its_generators_in_any_order_ends_the_call(breaker: CircuitBreaker) -> None:
    started: list[AsyncGenerator[Any, Any]] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=started.append)
    try:
        complete(breaker(async_echo)([]).__anext__())
    finally:
        sys.set_asyncgen_hooks(*before)

    for generator in reversed(started):  # the guarded one before its guard
        complete(generator.aclose())

    assert counted(breaker) == {"success": 1}


def test_a_collector_that_closes_a_generator_before_its_guard_ends_the_call(breaker: CircuitBreaker) -> None:
    reading: Any = breaker(echo)([])
    next(reading)
    (inner,) = (each for each in reading.gi_frame.f_locals.values() if inspect.isgenerator(each))

    inner.close()
    reading.close()

    assert counted(breaker) == {"success": 1}


def test_a_generator_that_raises_generator_exit_itself_is_cancelled(breaker: CircuitBreaker) -> None:
    @breaker
    def items() -> Generator[int, None, None]:
        yield 1
        raise GeneratorExit

    with pytest.raises(GeneratorExit):
        list(items())

    assert counted(breaker) == {"cancelled": 1}


def test_an_async_generator_that_raises_generator_exit_itself_is_cancelled(breaker: CircuitBreaker) -> None:
    @breaker
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        raise GeneratorExit

    reading = items()
    complete(reading.__anext__())
    with pytest.raises(GeneratorExit):
        complete(reading.__anext__())

    assert counted(breaker) == {"cancelled": 1}


def test_an_exception_on_closing_an_async_generator_reaches_the_consumer_and_is_a_failure(
    breaker: CircuitBreaker,
) -> None:
    @breaker
    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise Broken

    reading = items()
    complete(reading.__anext__())
    with pytest.raises(Broken):
        complete(reading.aclose())

    assert counted(breaker) == {"failure": 1}


def test_values_may_be_sent_after_items_were_asked_for_and_the_other_way_round(breaker: CircuitBreaker) -> None:
    items = breaker(echo)([])

    assert [next(items), next(items), items.send(1), next(items), items.send(2)] == ["first", None, 1, None, 2]


def test_values_may_be_sent_to_an_async_generator_after_items_were_asked_for(breaker: CircuitBreaker) -> None:
    items = breaker(async_echo)([])

    steps = [items.__anext__(), items.__anext__(), items.asend(1), items.__anext__()]
    answers = [complete(step) for step in steps]
    complete(items.aclose())

    assert answers == ["first", None, 1, None]


async def test_a_task_cancelled_while_it_waits_for_the_first_item_is_cancelled_not_failed(
    breaker: CircuitBreaker,
) -> None:
    @breaker
    async def items() -> AsyncGenerator[int, None]:
        await asyncio.Event().wait()
        yield 1

    reading = asyncio.ensure_future(anext(items()))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert counted(breaker) == {"cancelled": 1}


def test_a_generator_that_refuses_does_so_at_its_first_step_and_runs_nothing(breaker: CircuitBreaker) -> None:
    log: list[object] = []
    breaker.force_open()
    items = breaker(echo)(log)

    with pytest.raises(CircuitOpenError):
        next(items)

    assert log == []


def test_the_span_is_current_inside_a_step_and_not_between(breaker: CircuitBreaker, spans: Spans) -> None:
    inside: list[int] = []

    @breaker
    def items() -> Generator[None, None, None]:
        for _ in range(2):
            inside.append(trace.get_current_span().get_span_context().span_id)
            yield

    between = [trace.get_current_span() for _ in items()]

    assert between == [trace.INVALID_SPAN] * 2
    assert inside == [spans.last().get_span_context().span_id] * 2  # type: ignore[union-attr]  # it was sampled


def test_a_decorator_above_and_one_below_both_see_the_generator(breaker: CircuitBreaker) -> None:
    seen: list[str] = []

    def noting(name: str) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            @wraps(function)
            def noted(*args: object) -> Any:
                seen.append(name)
                return function(*args)

            return noted

        return decorate

    items = noting("above")(breaker(noting("below")(echo)))([])
    next(items)

    assert seen == ["above", "below"]
