"""Chooses the wrapper for a callable by its kind, and refuses what cannot be guarded, with the reason."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager, contextmanager
from functools import partial, update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from otel_breaker.guard.choice import add_choice, begin_chosen
from otel_breaker.guard.fast_path import add_coroutine_fast_path, add_fast_path
from otel_breaker.guard.generator_fast_path import add_async_generator_fast_path, add_generator_fast_path
from otel_breaker.guard.generators import wrap_async_generator_function, wrap_generator_function
from otel_breaker.guard.signatures import inner_wrapper
from otel_breaker.guard.wrappers import wrap_coroutine_function, wrap_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.ports import CallTracer, CircuitChoice

P = ParamSpec("P")
R = TypeVar("R")

# The functions that `contextlib` returns for a generator function, by their code. A call of one only makes a context
# manager: the guarded call is the `with` block.
_CONTEXT_MANAGERS: Final[dict[Any, Callable[[Any], Any]]] = {
    decorator(lambda: None).__code__: decorator  # type: ignore[arg-type,return-value]
    for decorator in (contextmanager, asynccontextmanager)
}

_FAST_PATHS: Final[dict[Any, Callable[..., Any]]] = {
    wrap_function: add_fast_path,
    wrap_coroutine_function: add_coroutine_fast_path,
    wrap_generator_function: add_generator_fast_path,
    wrap_async_generator_function: add_async_generator_fast_path,
}

_KINDS: Final[dict[Any, str]] = {
    wrap_function: "function",
    wrap_coroutine_function: "coroutine function",
    wrap_generator_function: "generator function",
    wrap_async_generator_function: "async generator function",
}


def guard(
    function: Callable[P, R], circuit: Circuit, tracer: CallTracer, callee: Callable[..., Any] | None = None
) -> Callable[P, R]:
    """Guard any callable with one circuit.

    Args:
        function: the callable.
        circuit: admits the calls and records their outcomes.
        tracer: starts their spans.
        callee: when *function* is a trampoline, which calls its first argument: a callable of the kind that it calls.

    Raises:
        TypeError: when calls of it cannot be guarded.
    """
    return _guard(function, callee, lambda wrap, inner, **how: _FAST_PATHS[wrap](inner, circuit, tracer, **how))


def guard_by_choice(
    function: Callable[P, R], choice: CircuitChoice, tracer: CallTracer, callee: Callable[..., Any] | None = None
) -> Callable[P, R]:
    """Guard any callable, each call with the circuit that is chosen for it.

    Args:
        function: the callable.
        choice: chooses the circuits.
        tracer: starts the spans of the calls.
        callee: as above.

    Raises:
        TypeError: when calls of it cannot be guarded.
    """

    def apply(wrap: Callable[..., Any], inner: Callable[..., Any], **how: Any) -> Callable[..., Any]:
        wrapper = _FAST_PATHS[wrap](inner, choice.pattern, tracer, **how)
        return add_choice(wrapper, choice) or wrap(inner, begin_chosen(choice, tracer), **how)

    return _guard(function, callee, apply)


def _guard(function: Callable[P, R], callee: Callable[..., Any] | None, apply: Callable[..., Any]) -> Callable[P, R]:
    """Guard any callable; *apply* applies the wrapper for its kind to a function."""
    refuse_uncallable(function)
    manager = _context_manager(callee or function)
    if manager is None:
        return cast("Callable[P, R]", apply(_wrapper_for(callee or function), function))
    decorator, generator_function = manager
    wrap = wrap_async_generator_function if decorator is asynccontextmanager else wrap_generator_function
    if callee is not None:
        # The trampoline returns a context manager; the wrapper enters it, as it does with that of a fallback.
        return cast("Callable[P, R]", decorator(apply(wrap, function, is_block=True)))
    wrapper = apply(wrap, generator_function, is_block=True)
    # Named and marked as the user's function; a generator function as `__wrapped__` lets it be guarded again.
    guarded = update_wrapper(decorator(wrapper), function)
    guarded.__wrapped__ = wrapper
    return cast("Callable[P, R]", guarded)


def refuse_uncallable(function: object) -> None:
    """Refuse an object that cannot be called.

    Raises:
        TypeError: when it cannot.
    """
    if inspect.iscoroutine(function):
        function.close()
        raise TypeError("a coroutine was given: give the function and its arguments, not what it returned")
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called, so it cannot be guarded")


def kind_of(function: object) -> str:
    """The kind of a callable, for reports."""
    manager = _context_manager(function)
    if manager is not None:
        return "async context manager" if manager[0] is asynccontextmanager else "context manager"
    return _KINDS[_wrapper_for(function)]


def _wrapper_for(function: object) -> Any:
    called = _called_function(function)
    if (
        inspect.iscoroutinefunction(function)
        or inspect.iscoroutinefunction(called)
        or _is_generator_based_coroutine(called)
    ):
        return wrap_coroutine_function
    if inspect.isgeneratorfunction(called):
        return wrap_generator_function
    return wrap_async_generator_function if inspect.isasyncgenfunction(called) else wrap_function


def _is_generator_based_coroutine(function: object) -> bool:
    """Whether `types.coroutine` has made a generator function awaitable."""
    flags: int = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)


def _context_manager(function: Any) -> tuple[Callable[[Any], Any], Callable[..., Any]] | None:
    """The decorator of `contextlib` that made a function, and the generator function; None for any other callable."""
    if isinstance(function, partial):
        manager = _context_manager(function.func)
        return manager and (manager[0], partial(manager[1], *function.args, **function.keywords))
    if inspect.ismethod(function):
        manager = _context_manager(function.__func__)
        return manager and (manager[0], MethodType(manager[1], function.__self__))
    function = inner_wrapper(function)
    decorator = _CONTEXT_MANAGERS.get(function.__code__) if inspect.isfunction(function) else None
    return decorator and (decorator, function.__wrapped__)


def _called_function(function: object) -> object:
    """The function whose kind is that of a callable: that of a `functools.partial`, or an object's `__call__`."""
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)  # of a method, a classmethod or a staticmethod
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004  # the method itself is wanted, not whether it exists
