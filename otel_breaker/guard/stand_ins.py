"""Stand-ins: for a coroutine or generator that a function returned, the caller gets another one of the same type.

A stand-in runs the wrapper of its kind under the name of the returned object, so that the language, an event loop and a
debugger see no difference. An object that has made a step already is returned itself.
"""

from __future__ import annotations

import sys
import types
from functools import lru_cache
from inspect import CO_ITERABLE_COROUTINE
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from otel_breaker.core.states import CANCELLED
from otel_breaker.guard.generators import wrap_async_generator_function, wrap_generator_function
from otel_breaker.guard.unstarted import UnstartedCall, is_unstarted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from otel_breaker.guard.call import Call

    Wrapper = Callable[[UnstartedCall], Any]


def follow(follower: Callable[[Any, Call], Any], result: Any, call: Call) -> Any:
    """End a call when its result ends.

    Returns:
        What the caller gets: the result itself, or the stand-in of a coroutine or stream.
    """
    call.suspend_span()
    try:
        return follower(result, call)
    except Exception:  # the result lacks what its type promises: the call ends with the return of the function
        call.returned(result)
        return result
    except BaseException:  # an interrupt
        call.end(CANCELLED)
        raise


def follow_generator(generator: Any, call: Call, *, is_block: bool = False) -> Any:
    """End a call when a generator ends, or a coroutine that `types.coroutine` made of one."""
    if generator.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return make_stand_in(_await, generator, generator.gi_code, call)
    wrapper = _CONTEXT_MANAGER if is_block else _GENERATOR
    return make_stand_in(wrapper, generator, generator.gi_code, call, in_steps=True)


def follow_async_generator(generator: Any, call: Call, *, is_block: bool = False) -> Any:
    """End a call when an async generator ends."""
    wrapper = _ASYNC_CONTEXT_MANAGER if is_block else _ASYNC_GENERATOR
    return make_stand_in(wrapper, generator, generator.ag_code, call, in_steps=True)


def make_stand_in(wrapper: Wrapper, inner: Any, code: types.CodeType, call: Call, *, in_steps: bool = False) -> Any:
    """The stand-in for a coroutine or generator, with which the call ends.

    Args:
        wrapper: a coroutine or generator function; runs the call.
        inner: the coroutine or generator that the function returned.
        code: its code.
        call: an admitted call.
        in_steps: whether the time between two steps is the consumer's, not the call's.
    """
    if (in_steps and call.is_refused) or not is_unstarted(inner):
        call.returned(inner)
        return inner
    unstarted = UnstartedCall(call, inner, in_steps=in_steps)
    stand_in = _renamed(wrapper, code.co_name, getattr(code, "co_qualname", None))(unstarted)
    stand_in.__name__, stand_in.__qualname__ = inner.__name__, inner.__qualname__
    unstarted.watch(stand_in)
    return stand_in


@lru_cache(maxsize=1_000)
def _renamed(wrapper: Any, name: str, qualified_name: str | None) -> Wrapper:
    """A wrapper whose code has another name."""
    names = {"co_name": name} if sys.version_info < (3, 11) else {"co_name": name, "co_qualname": qualified_name}
    code = wrapper.__code__.replace(**names)
    return FunctionType(code, wrapper.__globals__, name, wrapper.__defaults__, wrapper.__closure__)


class _InnerGenerator:
    """The generator behind a stand-in. Its maker may hold it, too, and go on with it when the stand-in is dropped."""

    def __init__(self, unstarted: UnstartedCall) -> None:
        self._unstarted = unstarted
        self._generator = unstarted.take()
        self.send = self._generator.send

    def throw(self, error: BaseException) -> Any:
        try:
            if self._unstarted.is_dropped:
                raise error
            return self._generator.throw(error)
        finally:
            del error  # error, traceback and frame would hold each other


class _InnerAsyncGenerator:
    def __init__(self, unstarted: UnstartedCall) -> None:
        self._unstarted = unstarted
        self._generator = unstarted.take()
        self.asend, self.athrow = self._generator.asend, self._generator.athrow

    async def aclose(self) -> None:
        if not self._unstarted.is_dropped:
            await self._generator.aclose()


def _start(args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Call:
    unstarted: UnstartedCall = args[0]
    return unstarted.start()


@types.coroutine
def _await(unstarted: UnstartedCall) -> Generator[Any, Any, Any]:
    call = unstarted.start()
    try:
        result = yield from unstarted.take()
    except BaseException as error:
        call.raised(error)
        raise
    call.returned(result)
    return result


_GENERATOR: Final[Wrapper] = wrap_generator_function(cast("Any", _InnerGenerator), _start)
_CONTEXT_MANAGER: Final[Wrapper] = wrap_generator_function(cast("Any", _InnerGenerator), _start, is_block=True)
_ASYNC_GENERATOR: Final[Wrapper] = wrap_async_generator_function(cast("Any", _InnerAsyncGenerator), _start)
_ASYNC_CONTEXT_MANAGER: Final[Wrapper] = wrap_async_generator_function(
    cast("Any", _InnerAsyncGenerator), _start, is_block=True
)
