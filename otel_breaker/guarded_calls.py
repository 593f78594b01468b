"""`call`: functions that are guarded for one call.

A guard is made once for each kind and name of function, and calls the function that it is given. Most calls need no
guard: a fast path (guard/fast_path.py) is written out here.
"""

from __future__ import annotations

import inspect
from sys import is_finalizing
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from otel_breaker.callees import Callee, callee_of
from otel_breaker.guard import Call, guard
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, follower_of
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.telemetry.traces import TRACING, code_name
from otel_breaker.tracers import block_tracer, function_tracer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

_MOST_GUARDS: Final = 1_000
_UNKNOWN: Final = Callee(None, None, "")
_NO_CODE: Final = object()
_UNTRACED: Final = block_tracer("")
"""The tracer of calls that have no span."""
_HAS_MARKS: Final = hasattr(inspect, "markcoroutinefunction")
"""Whether a function may be marked as a coroutine function, since Python 3.12."""


class GuardedCalls:
    """`call`, as a method of a breaker."""

    name: str
    _circuit: Circuit
    _function_code: CodeType | None = None
    """The code of the last function that was neither a coroutine function nor a generator function."""
    _callee: Callee = _UNKNOWN
    """That of the last function that was."""
    _guards: dict[tuple[str, str], Callable[..., Any]] | None = None
    """The guards of calls, by the kind and the name of their functions; made when a call first needs one."""
    _guards_settings: Settings | None = None
    """The settings that the guards are made for."""

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function guarded.

        Returns:
            What the function returns: of a coroutine function, an awaitable.

        Raises:
            CircuitOpenError: when the circuit refuses the call; for a coroutine function, when it is awaited.
            TypeError: when the call cannot be guarded.
        """
        callable_: Any = function
        circuit = self._circuit
        fast_path = circuit.fast_path
        permit = fast_path.shared_permit
        try:
            # A function with attributes may be marked as a coroutine function, whatever its code.
            code = _NO_CODE if _HAS_MARKS and callable_.__dict__ else callable_.__code__
        except Exception:  # it is no Python function
            code = _NO_CODE
        is_function = code is self._function_code
        if not is_function and permit is not None:
            callee = self._callee
            if code is not callee.code or (callee.is_nested and callable_.__qualname__ is not callee.qualified_name):
                callee = self._recall(function)
            awaited = callee.awaited
            if awaited is not None:
                return awaited(self, function, args, kwargs)  # type: ignore[no-any-return]
            is_function = callee.is_function
        if not is_function or permit is None or TRACING.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # as in `ActiveFlag`
            return self._guard_for(function)(function, *args, **kwargs)  # type: ignore[no-any-return]
        try:
            result = function(*args, **kwargs) if kwargs else function(*args)  # type: ignore[call-arg]  # `**{}` costs
        except BaseException as error:
            if not is_finalizing():
                circuit.record_error(permit, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # hashing a type runs its metaclass, which may raise
            is_complete = False
        if not is_complete and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, Call.continued(circuit, _UNTRACED, permit)))
        if fast_path.standing_permit is permit:
            next(fast_path.successes)
        else:
            circuit.record_success(permit)
        return result

    def _recall(self, function: Callable[..., Any]) -> Callee:
        callee = callee_of(function)
        if callee.is_function:
            self._function_code = callee.code
        elif callee.code is not None:
            _awaited_as(callee)
            self._callee = callee
        return callee

    def _guard_for(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A guard that calls its first argument, for functions of that kind and name."""
        settings, guards = self._circuit.settings, self._guards
        if guards is None or self._guards_settings is not settings or len(guards) >= _MOST_GUARDS:
            self._guards_settings, self._guards = settings, {}
            guards = self._guards
        key = callee_of(function).kind, code_name(function)
        guarded = guards.get(key)
        if guarded is None:
            guarded = guards[key] = self._made_guard(function)
        return guarded

    def _made_guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        tracer = function_tracer(self.name, function, trampoline=True)
        guarded = guard(_apply, self._circuit, tracer, function)
        for attribute in ("__name__", "__qualname__"):  # coroutines and generators show them
            if hasattr(function, attribute):
                setattr(guarded, attribute, getattr(function, attribute))
        return guarded


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _awaited_as(callee):
    if callee.is_coroutine_function and callee.awaited is None and callee.qualified_name is not None:
        _, _, name = callee.qualified_name.rpartition(".")
        awaited = FunctionType(_awaited.__code__, _awaited.__globals__, name)
        awaited.__qualname__ = callee.qualified_name
        callee.awaited = awaited


async def _awaited(
    breaker: GuardedCalls, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    fast_path = breaker._circuit.fast_path
    permit = fast_path.shared_permit
    if permit is None or TRACING.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # as above
        return await breaker._guard_for(function)(function, *args, **kwargs)  # noqa: SLF001  # as above
    try:
        result = await (function(*args, **kwargs) if kwargs else function(*args))
    except BaseException as error:
        if not is_finalizing():
            breaker._circuit.record_error(permit, error)
        raise
    kind = type(result)
    try:
        is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
    except Exception:  # as above
        is_complete = False
    if not is_complete and follower_of(result) is not None and (follower := stream_follower_of(result)) is not None:
        return follow(follower, result, Call.continued(breaker._circuit, _UNTRACED, permit))
    if fast_path.standing_permit is permit:
        next(fast_path.successes)
    else:
        breaker._circuit.record_success(permit)
    return result
