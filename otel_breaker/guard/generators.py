"""Wrappers of generator functions: one call lasts from the first step to exhaustion, an exception or `close`.

The span is current, and the time counts, only during a step: the consumer's code runs between two. `send`, `throw`,
`close` and the return value are passed through. An exception that the consumer throws in, and that comes out again, is
no failure of the call, unless the generator is that of a context manager, whose `with` block is the call.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.core.states import SUCCESS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.guard.call import Begin, Call

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
            generator = _generator(call.choose(function)(*args, **kwargs))
            step: Callable[[Any], Item] = generator.send
            while True:
                items, value, thrown = [step(value)], None, None
                call.suspend()
                try:
                    value = yield items.pop()  # no reference here keeps an item alive
                    step = generator.send
                except BaseException as error:  # the consumer has thrown it in
                    step, value, thrown = generator.throw, error, error
                call.resume()
        except StopIteration as stop:
            call.end(SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            _end(call, error, thrown, is_block=is_block)
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
            generator = _async_generator(call.choose(function)(*args, **kwargs))
            step: Callable[[Any], Any] = generator.asend
            while True:
                items, value, thrown = [await step(value)], None, None
                call.suspend()
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
                call.resume()
        except StopAsyncIteration:
            call.end(SUCCESS)
        except BaseException as error:
            _end(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # as above

    return guarded


def _end(call: Call, error: BaseException, thrown: BaseException | None, *, is_block: bool) -> None:
    """End the call of a generator that has raised *error*, after its consumer may have thrown in *thrown*."""
    kind = type(thrown)
    if issubclass(kind, GeneratorExit) and issubclass(type(error), GeneratorExit):
        call.end(SUCCESS)  # the consumer has had an item and wants no more
    elif thrown is None or is_block:
        call.raised(error)
    elif error is thrown or (
        # Python replaces these two by a RuntimeError when they leave a generator.
        issubclass(kind, StopIteration | StopAsyncIteration)
        and type(error) is RuntimeError
        and error.__cause__ is thrown
    ):
        call.passed_on(error)
    else:
        call.raised(error)


def _generator(result: Any) -> Any:
    """A generator for the result of a fallback, which may be any iterable, or any context manager."""
    if hasattr(result, "throw"):
        return result

    def items() -> Generator[Any, None, None]:
        if hasattr(result, "__enter__"):
            with result as entered:
                yield entered
        else:
            yield from result

    return items()


def _async_generator(result: Any) -> Any:
    if hasattr(result, "athrow"):
        return result

    async def items() -> AsyncGenerator[Any, None]:
        if hasattr(result, "__aenter__"):
            async with result as entered:
                yield entered
        elif hasattr(result, "__aiter__"):
            async for item in result:
                yield item
        else:
            for item in _generator(result):
                yield item

    return items()
