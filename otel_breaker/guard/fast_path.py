"""Fast paths. Most calls need only a permit, a counter and perhaps a span, so they skip the `Call` object.

Everything else is done by a `Call` (wrappers.py). A refusal is raised here, in the frame that the caller has called, so
that its traceback shows no other frame of this package.

The paths repeat each other's statements, because a function call would cost as much as the rest.
tests/guard/fast_paths/test_written_out.py has each statement once and compares the copies with it.
"""

from __future__ import annotations

from functools import wraps
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.guard.call import Call, end_with_error
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, follower_of
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.timed_path import add_limited_path, add_timed_path
from otel_breaker.guard.wrappers import run_coroutine, run_function

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.permits import Permit
    from otel_breaker.guard.ports import CallSpan, CallTracer

P = ParamSpec("P")
R = TypeVar("R")

# Not `Call.begin` in the wrappers: of an imported name Python compiles that differently from what recompilation.py
# compiles, where the name is not imported.
begin, continued = Call.begin, Call.continued


def add_fast_path(function: Callable[P, R], circuit: Circuit, tracer: CallTracer) -> Callable[P, R]:
    """Guard a function that is neither a coroutine function nor a generator function."""
    untimed = _untimed(function, circuit, tracer)
    limit = circuit.fast_path.limit
    if limit is not None:
        return add_limited_path(function, untimed, limit, circuit, tracer)
    if circuit.settings.slow_call_duration is None:
        return untimed
    return add_timed_path(function, untimed, circuit, tracer)


def _untimed(function: Callable[P, R], circuit: Circuit, tracer: CallTracer) -> Callable[P, R]:
    """Calls that share a permit: without a span, two attributes are read and a counter is increased."""
    fast_path = circuit.fast_path
    successes = fast_path.successes
    traced = _traced(function, tracer)

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = fast_path.shared_permit
        if permit is None or tracer.is_active():
            span = None if permit is None or is_finalizing() else tracer.start(circuit, permit, NO_CHANGES)
            if permit is not None and span is not None:
                return traced(circuit, permit, span, args, kwargs)
            refusal = None if tracer.is_active() else fast_path.try_refuse()
            if refusal is None:
                call = begin(circuit, tracer)
                refusal = call.take_refusal()
                if refusal is None:
                    return run_function(function, call, args, kwargs)
            try:
                raise refusal
            finally:
                del refusal  # error, traceback and frame would hold each other and the caller's arguments
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            end_with_error(circuit, tracer, permit, None, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # hashing a type runs its metaclass, which may raise
            is_complete = False
        if is_complete or (follower := follower_of(result)) is None:
            if fast_path.standing_permit is permit:
                next(successes)
            else:
                circuit.record_success(permit)
            return result
        return cast("R", follow(follower, result, continued(circuit, tracer, permit)))

    return guarded


def _traced(
    function: Callable[..., R], tracer: CallTracer
) -> Callable[[Circuit, Permit, CallSpan, tuple[Any, ...], dict[str, Any]], R]:
    """Calls that share a permit and have a span, which was started."""

    def guarded(circuit: Circuit, permit: Permit, span: CallSpan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        fast_path = circuit.fast_path
        successes = fast_path.successes
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            end_with_error(circuit, tracer, permit, span, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as above
            is_complete = False
        if not is_complete and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, continued(circuit, tracer, permit, span)))
        if fast_path.standing_permit is permit:
            next(successes)
        else:
            circuit.record_success(permit)
        span.succeed()
        return result

    return guarded


def add_coroutine_fast_path(
    function: Callable[P, Awaitable[R]], circuit: Circuit, tracer: CallTracer
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Guard a coroutine function. Its calls that share a permit and have no span skip the `Call`."""
    fast_path = circuit.fast_path
    successes = fast_path.successes

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit, span = fast_path.shared_permit, None
        if permit is None or tracer.is_active():
            span = None if permit is None or is_finalizing() else tracer.start(circuit, permit, NO_CHANGES)
            if permit is None or span is None:
                call = begin(circuit, tracer)
                refusal = call.take_refusal()
                if refusal is None:
                    return await run_coroutine(function, call, args, kwargs)
                try:
                    raise refusal
                finally:
                    del refusal  # as above
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            end_with_error(circuit, tracer, permit, span, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as above
            is_complete = False
        if not is_complete and follower_of(result) is not None and (follower := stream_follower_of(result)) is not None:
            return cast("R", follow(follower, result, continued(circuit, tracer, permit, span)))
        if fast_path.standing_permit is permit:
            next(successes)
        else:
            circuit.record_success(permit)
        if span is not None:
            span.succeed()
        return result

    return guarded
