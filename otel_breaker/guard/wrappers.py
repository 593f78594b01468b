"""Wrappers of functions and coroutine functions; those of generator functions are in generators.py.

A wrapper begins a call, runs the function, or the fallback of a refused call, and ends the call with the result or the
exception. The caller sees the same exception object.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.guard.results import follower_of, is_awaitable
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.guard.call import Begin, Call

P = ParamSpec("P")
R = TypeVar("R")


def wrap_function(function: Callable[P, R], begin: Begin) -> Callable[P, R]:
    """Wrap a function; if it returns a call in progress, the guarded call ends when that does."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        call = begin(args, kwargs)
        if (refusal := call.take_refusal()) is not None:
            try:
                raise refusal
            finally:
                del refusal
        return run_function(function, call, args, kwargs)

    return guarded


def run_function(function: Callable[..., R], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    """Run a function as a call that has begun."""
    try:
        result = call.choose(function)(*args, **kwargs)
    except BaseException as error:  # a cancelled probe frees its place, too
        call.raised(error)
        raise
    follower = follower_of(result)
    if follower is not None:
        return cast("R", follow(follower, result, call))
    call.returned(result)
    return result


def wrap_coroutine_function(function: Callable[P, Awaitable[R]], begin: Begin) -> Callable[P, Coroutine[Any, Any, R]]:
    """Wrap a coroutine function; the call begins when its coroutine is first awaited."""

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        call = begin(args, kwargs)
        if (refusal := call.take_refusal()) is not None:
            try:
                raise refusal
            finally:
                del refusal
        return await run_coroutine(function, call, args, kwargs)

    return guarded


async def run_coroutine(
    function: Callable[..., Awaitable[R]], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> R:
    """Run a coroutine function as a call that has begun; if it returns a stream, the call ends when that does."""
    try:
        result: Any = call.choose(function)(*args, **kwargs)
        if is_awaitable(result):  # the result of a fallback may be none
            result = await result
    except BaseException as error:
        call.raised(error)
        raise
    follower = stream_follower_of(result)
    if follower is not None:
        return cast("R", follow(follower, result, call))
    call.returned(result)
    return cast("R", result)
