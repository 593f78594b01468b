"""Which body guards which kind of callable; and what cannot be guarded, with the reason."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager, contextmanager
from functools import partial, update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from otel_breaker.guard.call import Call
from otel_breaker.guard.fast_path import add_coroutine_fast_path, add_fast_path
from otel_breaker.guard.generators import wrap_async_generator_function, wrap_generator_function
from otel_breaker.guard.signatures import inner_wrapper
from otel_breaker.guard.wrappers import wrap_coroutine_function, wrap_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.call import Begin
    from otel_breaker.guard.ports import CallTracer

P = ParamSpec("P")
R = TypeVar("R")

# What `contextlib` wraps round a generator function returns at once; the call is what happens in the `with` block.
_CONTEXT_MANAGERS: Final[dict[Any, Callable[[Any], Any]]] = {
    maker(lambda: None).__code__: maker  # type: ignore[arg-type,return-value]
    for maker in (contextmanager, asynccontextmanager)
}

_KINDS: Final[dict[Any, str]] = {
    wrap_function: "function",
    wrap_coroutine_function: "coroutine function",
    wrap_generator_function: "generator function",
    wrap_async_generator_function: "async generator function",
}


def guard(
    function: Callable[P, R], circuit: Circuit, site: CallTracer, like: Callable[..., Any] | None = None
) -> Callable[P, R]:
    """Guard any callable by one circuit.

    Args:
        function: what to guard.
        circuit: decides.
        site: tells.
        like: what says of which kind it is, when that is not itself.

    Raises:
        TypeError: when a call of it cannot be guarded.
    """
    _refuse_what_cannot_be_called(function)
    kind = _body_for(like or function)
    if kind is wrap_coroutine_function:
        return cast("Callable[P, R]", add_coroutine_fast_path(cast("Any", function), circuit, site))
    if kind is wrap_function and _context_manager(like or function) is None:
        return add_fast_path(function, circuit, site)
    return guard_each(function, lambda args, kwargs: Call.begin(circuit, site), like)  # noqa: ARG005  # one circuit for all


def guard_each(function: Callable[P, R], begin: Begin, like: Callable[..., Any] | None = None) -> Callable[P, R]:
    """Guard any callable, each call by the circuit that `begin` finds for it.

    Raises:
        TypeError: when a call of it cannot be guarded.
    """
    _refuse_what_cannot_be_called(function)
    manager = _context_manager(like or function)
    if manager is not None:
        maker, generator_function = manager
        body: Any = wrap_async_generator_function if maker is asynccontextmanager else wrap_generator_function
        if like is not None:
            # What it is handed makes the context manager; entering that is left to the body, as of a fallback's.
            return cast("Callable[P, R]", maker(body(function, begin, is_block=True)))
        guarded = body(generator_function, begin, is_block=True)
        # It is named and marked as what the user holds; behind it is still the generator function, to guard it again.
        made = update_wrapper(maker(guarded), function)
        made.__wrapped__ = guarded
        return cast("Callable[P, R]", made)
    return cast("Callable[P, R]", _body_for(like or function)(function, begin))


def _refuse_what_cannot_be_called(function: object) -> None:
    if inspect.iscoroutine(function):
        function.close()
        raise TypeError("a coroutine was given: give the function and its arguments, not what it returned")
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called, so it cannot be guarded")


def kind_of(function: object) -> str:
    """As which kind of callable something is guarded, for people."""
    manager = _context_manager(function)
    if manager is not None:
        return "async context manager" if manager[0] is asynccontextmanager else "context manager"
    return _KINDS[_body_for(function)]


def _body_for(function: object) -> Any:
    essence = _essence(function)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(essence) or _is_old_coroutine(essence):
        return wrap_coroutine_function
    if inspect.isgeneratorfunction(essence):
        return wrap_generator_function
    return wrap_async_generator_function if inspect.isasyncgenfunction(essence) else wrap_function


def _is_old_coroutine(function: object) -> bool:
    """A generator function that `types.coroutine` has made awaitable."""
    flags: int = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)


def _context_manager(function: Any) -> tuple[Callable[[Any], Any], Callable[..., Any]] | None:
    """What `contextlib` made of a generator function, and that function; None of anything else."""
    if isinstance(function, partial):
        behind = _context_manager(function.func)
        return behind and (behind[0], partial(behind[1], *function.args, **function.keywords))
    if inspect.ismethod(function):
        behind = _context_manager(function.__func__)
        return behind and (behind[0], MethodType(behind[1], function.__self__))
    function = inner_wrapper(function)
    maker = _CONTEXT_MANAGERS.get(function.__code__) if inspect.isfunction(function) else None
    return maker and (maker, function.__wrapped__)


def _essence(function: object) -> object:
    """What says of which kind a callable is: behind `functools.partial`, and an object's `__call__`."""
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)  # of a method, a classmethod or a staticmethod
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004  # its kind is asked, not whether it is there
