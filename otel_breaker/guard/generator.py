"""Guarded generators: one call from the first step to exhaustion, error or close.

The span is current, and the time counts, only during a step; what the consumer does between two is its own.
`send`, `throw`, `close` and the return value reach the other side as they are.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.core.states import Outcome
from otel_breaker.guard.call import Call, CallSite

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.circuit import Circuit

P = ParamSpec("P")
Item = TypeVar("Item")
Sent = TypeVar("Sent")
R = TypeVar("R")


def guard_generator(
    function: Callable[P, Generator[Item, Any, R]], circuit: Circuit, site: CallSite
) -> Callable[P, Generator[Item, Any, R]]:
    """Guard a generator function."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Item, Any, R]:
        call = Call(circuit, site)
        try:
            generator = function(*args, **kwargs)
            step: Callable[[Any], Item] = generator.send
            value: Any = None
            while True:
                item = step(value)
                call.suspend()
                try:
                    value = yield item
                    step = generator.send
                except GeneratorExit:
                    generator.close()
                    call.end(Outcome.SUCCESS)  # the consumer has had at least one item, and wants no more
                    raise
                except BaseException as thrown:  # goes in where it was thrown at
                    step, value = generator.throw, thrown
                call.resume()
        except StopIteration as stop:
            call.end(Outcome.SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            call.raised(error)
            raise

    return guarded


def guard_async_generator(
    function: Callable[P, AsyncGenerator[Item, Any]], circuit: Circuit, site: CallSite
) -> Callable[P, AsyncGenerator[Item, Any]]:
    """Guard an async generator function."""

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Item, Any]:
        call = Call(circuit, site)
        try:
            generator = function(*args, **kwargs)
            step: Callable[[Any], Any] = generator.asend
            value: Any = None
            while True:
                item = await step(value)
                call.suspend()
                try:
                    value = yield item
                    step = generator.asend
                except GeneratorExit:
                    await generator.aclose()
                    call.end(Outcome.SUCCESS)
                    raise
                except BaseException as thrown:  # goes in where it was thrown at
                    step, value = generator.athrow, thrown
                call.resume()
        except StopAsyncIteration:
            call.end(Outcome.SUCCESS)
        except BaseException as error:
            call.raised(error)
            raise

    return guarded
