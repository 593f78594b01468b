"""Wrappers of generator functions: one call lasts from the first step to exhaustion, an exception or `close`.

The span is current, and the time counts, only during a step: the consumer's code runs between two. `send`, `throw`,
`close` and the return value are passed through. What an exception means to the call is in consumers.py.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.consumers import end_call
from otel_breaker.guard.fallbacks import async_generator_of, generator_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.guard.call import Begin

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")


def wrap_generator_function(
    function: Callable[P, Generator[Item, Any, R]], begin: Begin, *, is_block: bool = False
) -> Callable[P, Generator[Item, Any, R]]:
    """Wrap a generator function.

    Args:
        function: the generator function.
        begin: begins each call.
        is_block: whether it is that of a context manager: an exception thrown in was then raised by the block.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Item, Any, R]:
        call = begin(args, kwargs)
        if (refusal := call.take_refusal()) is not None:
            try:
                raise refusal
            finally:
                del refusal
        value: Any = None
        thrown: BaseException | None = None
        try:
            generator = generator_of(call.choose(function)(*args, **kwargs))
            suspend, resume = call.pauses
            step: Callable[[Any], Item] = generator.send
            while True:
                items, value, thrown = [step(value)], None, None
                suspend()
                try:
                    value = yield items.pop()  # no reference here keeps an item alive
                    step = generator.send
                except BaseException as error:  # the consumer has thrown it in
                    step, value, thrown = generator.throw, error, error
                resume()
        except StopIteration as stop:
            call.end(SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            end_call(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # error, traceback and frame would hold each other and the caller's arguments

    return guarded


def wrap_async_generator_function(
    function: Callable[P, AsyncGenerator[Item, Any]], begin: Begin, *, is_block: bool = False
) -> Callable[P, AsyncGenerator[Item, Any]]:
    """Wrap an async generator function; see `wrap_generator_function`."""

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Item, Any]:
        call = begin(args, kwargs)
        if (refusal := call.take_refusal()) is not None:
            try:
                raise refusal
            finally:
                del refusal
        value: Any = None
        thrown: BaseException | None = None
        try:
            generator = async_generator_of(call.choose(function)(*args, **kwargs))
            suspend, resume = call.pauses
            step: Callable[[Any], Any] = generator.asend
            while True:
                items, value, thrown = [await step(value)], None, None
                suspend()
                try:
                    value = yield items.pop()  # no reference here keeps an item alive
                    step = generator.asend
                except GeneratorExit as error:
                    # Closed, not thrown in: an event loop closes the two generators in any order.
                    thrown = error
                    await generator.aclose()
                    raise
                except BaseException as error:
                    step, value, thrown = generator.athrow, error, error
                resume()
        except StopAsyncIteration:
            call.end(SUCCESS)
        except BaseException as error:
            end_call(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # as above

    return guarded
