"""Generators that a function returned: of a true one, the caller gets another true one.

It is made of the body that guards a function of its kind, named after what was returned, so that neither the language
nor a loop nor a debugger tells the two apart. What somebody has driven already is handed on as it is.
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

    Body = Callable[[UnstartedCall], Any]


def follow(follower: Callable[[Any, Call], Any], result: Any, call: Call) -> Any:
    """Let a call end when what its function returned does.

    Returns:
        What the caller gets: the same object, or, of a coroutine or stream, another of the same type.
    """
    call.suspend_span()
    try:
        return follower(result, call)
    except Exception:  # it is not what its type promises: all that is known is that the function has returned it
        call.returned(result)
        return result
    except BaseException:  # an interrupt
        call.end(CANCELLED)
        raise


def follow_generator(generator: Any, call: Call, *, is_block: bool = False) -> Any:
    """Let a call end with a generator, or with the coroutine that `types.coroutine` made of one."""
    if generator.gi_code.co_flags & CO_ITERABLE_COROUTINE:
        return make_stand_in(_await, generator, generator.gi_code, call)
    body = _READ_BLOCK if is_block else _READ
    return make_stand_in(body, generator, generator.gi_code, call, in_steps=True)


def follow_async_generator(generator: Any, call: Call, *, is_block: bool = False) -> Any:
    """Let a call end with an async generator."""
    body = _READ_ASYNC_BLOCK if is_block else _READ_ASYNC
    return make_stand_in(body, generator, generator.ag_code, call, in_steps=True)


def make_stand_in(
    body: Callable[[UnstartedCall], Any], made: Any, code: types.CodeType, call: Call, *, in_steps: bool = False
) -> Any:
    """What the caller gets of a call that ends with a coroutine or a generator.

    Args:
        body: a coroutine or generator function; runs the call.
        made: what the function returned.
        code: of that.
        call: was admitted.
        in_steps: whether the time between two steps is the caller's own.
    """
    if (in_steps and call.is_refused) or not is_unstarted(made):
        call.returned(made)
        return made
    unbegun = UnstartedCall(call, made, in_steps=in_steps)
    given = _named(body, code.co_name, getattr(code, "co_qualname", None))(unbegun)
    given.__name__, given.__qualname__ = made.__name__, made.__qualname__
    unbegun.watch(given)
    return given


@lru_cache(maxsize=1_000)
def _named(body: Any, name: str, qualified: str | None) -> Callable[[UnstartedCall], Any]:
    """A body whose code has the name of another's."""
    names = {"co_name": name} if sys.version_info < (3, 11) else {"co_name": name, "co_qualname": qualified}
    code = body.__code__.replace(**names)
    return FunctionType(code, body.__globals__, name, body.__defaults__, body.__closure__)


class _Driven:
    """A generator that was made by somebody who may go on with it, when the caller has dropped what it got."""

    def __init__(self, unbegun: UnstartedCall) -> None:
        self._unbegun = unbegun
        self._generator = unbegun.take()
        self.send = self._generator.send

    def throw(self, error: BaseException) -> Any:
        try:
            if self._unbegun.is_dropped:
                raise error
            return self._generator.throw(error)
        finally:
            del error  # or error, traceback and frame would hold each other


class _AsyncDriven:
    def __init__(self, unbegun: UnstartedCall) -> None:
        self._unbegun = unbegun
        self._generator = unbegun.take()
        self.asend, self.athrow = self._generator.asend, self._generator.athrow

    async def aclose(self) -> None:
        if not self._unbegun.is_dropped:
            await self._generator.aclose()


def _begin(args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Call:
    unbegun: UnstartedCall = args[0]
    return unbegun.begin()


@types.coroutine
def _await(unbegun: UnstartedCall) -> Generator[Any, Any, Any]:
    call = unbegun.begin()
    try:
        result = yield from unbegun.take()
    except BaseException as error:
        call.raised(error)
        raise
    call.returned(result)
    return result


_READ: Final[Body] = wrap_generator_function(cast("Any", _Driven), _begin)
_READ_BLOCK: Final[Body] = wrap_generator_function(cast("Any", _Driven), _begin, is_block=True)
_READ_ASYNC: Final[Body] = wrap_async_generator_function(cast("Any", _AsyncDriven), _begin)
_READ_ASYNC_BLOCK: Final[Body] = wrap_async_generator_function(cast("Any", _AsyncDriven), _begin, is_block=True)
