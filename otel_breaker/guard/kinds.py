"""Which body guards which kind of callable; and what cannot be guarded, with the reason."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from otel_breaker.guard.function import guard_coroutine, guard_function
from otel_breaker.guard.generator import guard_async_generator, guard_generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.call import CallSite

P = ParamSpec("P")
R = TypeVar("R")

# What `contextlib` wraps round a generator function returns at once; the call is what happens in the `with` block.
_CONTEXT_MANAGERS: Final[dict[Any, Callable[[Any], Any]]] = {
    maker(lambda: None).__code__: maker  # type: ignore[arg-type,return-value]
    for maker in (contextmanager, asynccontextmanager)
}


def guard(function: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Guard any callable, by its kind.

    Raises:
        TypeError: when a call of it cannot be guarded.
    """
    if inspect.iscoroutine(function):
        function.close()
        raise TypeError("a coroutine was given: give the function and its arguments, not what it returned")
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called, so it cannot be guarded")
    makes_context = _CONTEXT_MANAGERS.get(getattr(function, "__code__", None))
    if makes_context is not None:
        return cast("Callable[P, R]", makes_context(guard(inspect.unwrap(function), circuit, site)))
    body: Any = guard_function
    for asked, answer in _BODIES:
        if asked(_essence(function)):
            body = answer
    return cast("Callable[P, R]", body(function, circuit, site))


_BODIES: Final[tuple[tuple[Callable[[object], bool], Any], ...]] = (
    (inspect.iscoroutinefunction, guard_coroutine),
    (inspect.isgeneratorfunction, guard_generator),
    (inspect.isasyncgenfunction, guard_async_generator),
)


def is_asynchronous(function: object) -> bool:
    """Whether calling it gives a coroutine: also for `functools.partial` and objects with an async `__call__`."""
    return inspect.iscoroutinefunction(_essence(function))


def _essence(function: object) -> object:
    """What says of which kind a callable is: behind `functools.partial`, and an object's `__call__`."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004  # its kind is asked, not whether it is there
