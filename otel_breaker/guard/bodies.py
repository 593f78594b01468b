"""What runs around the user's code, for each kind of callable: function, coroutine function, generators.

Each begins a call, runs the function, or its fallback when the call was refused, and says how it ended. The caller's
exception passes through as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.awaitable import follow, is_awaitable
from otel_breaker.guard.call import Call

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")

Begin: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Call]
"""Begins the call that is about to be made with these arguments; raises CircuitOpenError when it is refused."""


def guard_function(function: Callable[P, R], begin: Begin) -> Callable[P, R]:
    """A plain function; if it returns an awaitable, the call ends when that does."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        call = begin(args, kwargs)
        try:
            result = call.choose(function)(*args, **kwargs)
        except BaseException as error:  # a cancelled probe must give its place back, too
            call.raised(error)
            raise
        if is_awaitable(result):
            return cast("R", follow(result, call))
        call.returned(result)
        return result

    return guarded


def guard_coroutine(function: Callable[P, Awaitable[R]], begin: Begin) -> Callable[P, Coroutine[Any, Any, R]]:
    """A coroutine function; the call begins when it is first awaited."""

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        call = begin(args, kwargs)
        try:
            result: Any = call.choose(function)(*args, **kwargs)
            if is_awaitable(result):  # a fallback need not be
                result = await result
        except BaseException as error:
            call.raised(error)
            raise
        call.returned(result)
        return cast("R", result)

    return guarded


# Of a generator, the span is current, and the time counts, only during a step: what the consumer does between two
# is its own. `send`, `throw`, `close` and the return value reach the other side as they are.


def guard_generator(
    function: Callable[P, Generator[Item, Any, R]], begin: Begin
) -> Callable[P, Generator[Item, Any, R]]:
    """A generator function: one call from the first step to exhaustion, error or close."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Item, Any, R]:
        call, closing = begin(args, kwargs), False
        try:
            generator = _generator(call.choose(function)(*args, **kwargs))
            step: Callable[[Any], Item] = generator.send
            value: Any = None
            while True:
                item, value = step(value), None
                call.suspend()
                try:
                    value = yield item
                    step = generator.send
                except BaseException as thrown:  # goes in where it was thrown at
                    closing = isinstance(thrown, GeneratorExit)
                    step, value = generator.throw, thrown
                call.resume()
        except StopIteration as stop:
            call.end(SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            if closing and isinstance(error, GeneratorExit):
                call.end(SUCCESS)  # the consumer has had at least one item, and wants no more
            else:
                call.raised(error)
            raise

    return guarded


def guard_async_generator(
    function: Callable[P, AsyncGenerator[Item, Any]], begin: Begin
) -> Callable[P, AsyncGenerator[Item, Any]]:
    """An async generator function: one call from the first step to exhaustion, error or close."""

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Item, Any]:
        call, closing = begin(args, kwargs), False
        try:
            generator = _async_generator(call.choose(function)(*args, **kwargs))
            step: Callable[[Any], Any] = generator.asend
            value: Any = None
            while True:
                item, value = await step(value), None
                call.suspend()
                try:
                    value = yield item
                    step = generator.asend
                except GeneratorExit:
                    # Not thrown in: the loop may have closed the inner one before this one, in any order.
                    closing = True
                    await generator.aclose()
                    raise
                except BaseException as thrown:
                    step, value = generator.athrow, thrown
                call.resume()
        except StopAsyncIteration:
            call.end(SUCCESS)
        except BaseException as error:
            if closing and isinstance(error, GeneratorExit):
                call.end(SUCCESS)
            else:
                call.raised(error)
            raise

    return guarded


def _generator(answer: Any) -> Any:
    """A generator's fallback may return any iterable, a context manager's any context manager."""
    if hasattr(answer, "throw"):
        return answer

    def items() -> Generator[Any, None, None]:
        if hasattr(answer, "__enter__"):
            with answer as entered:
                yield entered
        else:
            yield from answer

    return items()


def _async_generator(answer: Any) -> Any:
    if hasattr(answer, "athrow"):
        return answer

    async def items() -> AsyncGenerator[Any, None]:
        if hasattr(answer, "__aenter__"):
            async with answer as entered:
                yield entered
        elif hasattr(answer, "__aiter__"):
            async for item in answer:
                yield item
        else:
            for item in _generator(answer):
                yield item

    return items()
