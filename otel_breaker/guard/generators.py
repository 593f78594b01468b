"""What runs around the user's code of generator functions: one call from the first step to exhaustion, error or close.

The span is current, and the time counts, only during a step: what the consumer does between two is its own. `send`,
`throw`, `close` and the return value reach the other side as they are. What the consumer throws in, and what comes out
as it was, is the consumer's own, too; not so where the generator is a context manager, whose block is the call.
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
    """A generator function.

    Args:
        function: what to guard.
        begin: begins each call.
        is_block: it makes a context manager: what its consumer throws in is what the block has raised.
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
                    value = yield items.pop()  # the consumer alone decides how long an item lives
                    step = generator.send
                except BaseException as error:  # goes in where it was thrown at
                    step, value, thrown = generator.throw, error, error
                call.resume()
        except StopIteration as stop:
            call.end(SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            _end(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # or error, traceback and frame would hold each other, and the caller's arguments

    return guarded


def wrap_async_generator_function(
    function: Callable[P, AsyncGenerator[Item, Any]], begin: Begin, *, is_block: bool = False
) -> Callable[P, AsyncGenerator[Item, Any]]:
    """An async generator function; see `wrap_generator_function`."""

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
                    value = yield items.pop()  # the consumer alone decides how long an item lives
                    step = generator.asend
                except GeneratorExit as error:
                    # Not thrown in: the loop may have closed the inner one before this one, in any order.
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
    """A generator has raised; its consumer may have thrown something in just before."""
    kind = type(thrown)
    if issubclass(kind, GeneratorExit) and issubclass(type(error), GeneratorExit):
        call.end(SUCCESS)  # the consumer has had at least one item, and wants no more
    elif thrown is None or is_block:
        call.raised(error)
    elif error is thrown or (
        # The language turns these two into another that comes out of a generator.
        issubclass(kind, StopIteration | StopAsyncIteration)
        and type(error) is RuntimeError
        and error.__cause__ is thrown
    ):
        call.passed_on(error)
    else:
        call.raised(error)


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
