"""`call`: functions that are guarded for one call.

A trampoline is made once for the functions of each kind and name. Most calls need none: fast paths like those of
guard/fast_path.py are written out here.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from otel_breaker.callees import HAS_MARKS, Callee, callee_of
from otel_breaker.guard import Call, guard
from otel_breaker.guard.call import end_with_error
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, Follower, follower_of
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.wrappers import run_coroutine
from otel_breaker.telemetry.traces import TRACING
from otel_breaker.tracers import block_tracer, function_tracer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.permits import Permit
    from otel_breaker.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

_MOST_TRAMPOLINES: Final = 1_000
_TRACER: Final = "__circuit_breaker_tracer__"
_NO_CODE: Final = object()
"""Stands for the code of a callable that has none."""
_NOT_CALLED: Final = object()
"""Stands for the code of the last function before a function was called: an object may have None as its code."""
_NEVER_AWAITED: Final = (_NOT_CALLED, type(None))
_UNTRACED: Final = block_tracer("")
"""The tracer of calls that have no span."""


class GuardedCalls:
    """`call`, as a method of a breaker."""

    name: str
    _circuit: Circuit
    _function_code: object
    """The code of the last function of which a call is one step."""
    _markable_code: object
    """The code of the last such function that shares it with others, of which some may be marked."""
    _last_awaited: tuple[object, Callable[..., Any]]
    """The code of the last coroutine function, and what awaits it."""
    _trampolines: dict[tuple[str, str], Callable[..., Any]] | None = None
    """By the kind and the name of the functions that they call; made when a call first needs one."""
    _trampoline_settings: Settings | None = None
    """Those that they were made for."""

    def _set_up_calls(self) -> None:
        # No attributes of the class: Python reads one that an instance replaces in more steps, since 3.12.
        self._function_code = self._markable_code = _NOT_CALLED
        self._last_awaited = _NEVER_AWAITED

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function guarded.

        Returns:
            What the function returns: of a coroutine function, an awaitable.

        Raises:
            CircuitOpenError: when the circuit refuses the call; for a coroutine function, when it is awaited.
            TypeError: when the call cannot be guarded.
        """
        try:
            code: object = function.__code__
        except AttributeError:  # it is no Python function
            code = _NO_CODE
        # A function with attributes may be marked as a coroutine function. To look for them makes a dictionary.
        if code is not self._function_code and (code is not self._markable_code or getattr(function, "__dict__", True)):
            coroutine_code, awaited = self._last_awaited
            if code is coroutine_code:
                return awaited(self, function, args, kwargs)  # type: ignore[no-any-return]
            callee = self._recall(function)
            if callee.awaited is not None:
                return callee.awaited(self, function, args, kwargs)  # type: ignore[no-any-return]
            if not callee.is_function:
                return self._trampoline_for(function)(function, *args, **kwargs)  # type: ignore[no-any-return]
        fast_path = self._circuit.fast_path
        permit = fast_path.shared_permit
        if permit is None or TRACING.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # as in `is_active`
            return self._trampoline_for(function)(function, *args, **kwargs)  # type: ignore[no-any-return]
        try:
            # An empty `**kwargs` costs as much as all that follows.
            result = function(*args, **kwargs) if kwargs else function(*args)  # type: ignore[call-arg]
        except BaseException as error:
            end_with_error(self._circuit, _UNTRACED, permit, None, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # hashing a type runs its metaclass, which may raise
            is_complete = False
        if is_complete and fast_path.standing_permit is permit:
            next(fast_path.successes)
            return result
        return self._returned(permit, result, None if is_complete else self._follower_of(result, code))

    def _returned(self, permit: Permit, result: R, follower: Follower | None) -> R:
        """End a call with its result."""
        if follower is not None:
            return follow(follower, result, Call.continued(self._circuit, _UNTRACED, permit))  # type: ignore[no-any-return]
        self._circuit.record_success(permit)
        return result

    def _follower_of(self, result: object, code: object) -> Follower | None:
        """The follower of the result of a function. One that returns an awaitable may be marked later."""
        follower = follower_of(result)
        if HAS_MARKS and follower is not None and code is self._function_code:
            self._function_code, self._markable_code = _NOT_CALLED, code
        return follower

    def _recall(self, function: Callable[..., Any]) -> Callee:
        """The callee of a function. The next call finds it without this, unless its code may be that of others."""
        callee = callee_of(function)
        if callee.code is None:
            return callee
        if callee.is_function:
            if HAS_MARKS and callee.shares_code:
                self._markable_code = callee.code
            else:
                self._function_code = callee.code
        elif callee.is_coroutine_function:
            if callee.awaited is None:
                callee.awaited = _awaited_as(*callee.names)
            if not callee.shares_code:
                self._last_awaited = callee.code, callee.awaited
        return callee

    def _trampoline_for(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The trampoline for functions of that kind and name."""
        settings, made = self._circuit.settings, self._trampolines
        if made is None or self._trampoline_settings is not settings or len(made) >= _MOST_TRAMPOLINES:
            made = self._trampolines = {}
            self._trampoline_settings = settings
        key = callee_of(function).key
        trampoline = made.get(key)
        if trampoline is None:
            trampoline = made[key] = self._make_trampoline(function)
        return trampoline

    def _make_trampoline(self, function: Callable[..., Any]) -> Callable[..., Any]:
        tracer = function_tracer(self.name, function, trampoline=True)
        trampoline = guard(_apply, self._circuit, tracer, function)
        vars(trampoline)[_TRACER] = tracer
        for attribute in ("__name__", "__qualname__"):  # coroutines and generators show them
            if hasattr(function, attribute):
                setattr(trampoline, attribute, getattr(function, attribute))
        return trampoline


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _awaited_as(name: str, qualified_name: str) -> Callable[..., Any]:
    """`_awaited` under another name, which its coroutines show."""
    awaited = FunctionType(_awaited.__code__, _awaited.__globals__, name)
    awaited.__qualname__ = qualified_name
    return awaited


async def _awaited(
    breaker: GuardedCalls, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    fast_path = breaker._circuit.fast_path  # noqa: SLF001  # of this module
    permit = fast_path.shared_permit
    if permit is None or TRACING.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # as in `is_active`
        trampoline = breaker._trampoline_for(function)  # noqa: SLF001  # as above
        if permit is not None:
            return await trampoline(function, *args, **kwargs)
        # Not by the trampoline: the frame that the caller has called raises a refusal.
        call = Call.begin(breaker._circuit, vars(trampoline)[_TRACER])  # noqa: SLF001  # as above
        refusal = call.take_refusal()
        if refusal is None:
            return await run_coroutine(_apply, call, (function, *args), kwargs)
        try:
            raise refusal
        finally:
            del refusal  # error, traceback and frame would hold each other and the caller's arguments
    try:
        result = await (function(*args, **kwargs) if kwargs else function(*args))
    except BaseException as error:
        end_with_error(breaker._circuit, _UNTRACED, permit, None, error)  # noqa: SLF001  # as above
        raise
    kind = type(result)
    try:
        is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
    except Exception:  # as above
        is_complete = False
    if is_complete and fast_path.standing_permit is permit:
        next(fast_path.successes)
        return result
    follower = None if is_complete or follower_of(result) is None else stream_follower_of(result)
    return breaker._returned(permit, result, follower)  # noqa: SLF001  # as above
