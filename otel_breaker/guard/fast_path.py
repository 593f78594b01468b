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
from otel_breaker.circuit.places import held_by
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.call import Call
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, follower_of
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.wrappers import run_coroutine, run_function

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.concurrency import ConcurrencyLimit
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
        return _limited(function, untimed, limit, circuit, tracer)
    return untimed if circuit.settings.slow_call_duration is None else _timed(function, untimed, circuit, tracer)


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
            _record_error(circuit, tracer, permit, None, error)
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


def _record_error(
    circuit: Circuit, tracer: CallTracer, permit: Permit, span: CallSpan | None, error: BaseException
) -> None:
    """End a call that a fast path has admitted with an exception."""
    if span is not None:
        Call.continued(circuit, tracer, permit, span).raised(error)
    elif not is_finalizing():  # see Call.begin
        circuit.record_error(permit, error)


def _timed(function: Callable[P, R], untimed: Callable[P, R], circuit: Circuit, tracer: CallTracer) -> Callable[P, R]:
    """Calls that are timed: without a span, the clock is read twice and the call is in flight meanwhile.

    Contains what `Closed.admit_quietly` and `Closed.succeed_quietly` (core/closed.py) do.
    """
    fast_path = circuit.fast_path
    successes = fast_path.successes

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        period = fast_path.timed_period
        started = fast_path.clock()
        if period is None or started >= fast_path.quiet_until or tracer.is_active():
            return untimed(*args, **kwargs)
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = period.generation, period.failure_count, started
        period.in_flight[permit] = True
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            _record_error(circuit, tracer, permit, None, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as above
            is_complete = False
        if not is_complete and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, continued(circuit, tracer, permit)))
        now = fast_path.clock()
        if now < fast_path.quiet_until and now < started + period.slow_after and period.in_flight.pop(permit, False):
            next(successes)
        elif not is_finalizing():
            circuit.record_outcome(permit, SUCCESS)
        return result

    return guarded


def _limited(
    function: Callable[P, R], untimed: Callable[P, R], limit: ConcurrencyLimit, circuit: Circuit, tracer: CallTracer
) -> Callable[P, R]:
    """Calls that are timed, and that a limit of calls in flight counts while the function runs.

    Args:
        function: what to guard.
        untimed: makes the calls that need more.
        limit: that of the circuit's name, which has no other one as long as this guard exists.
        circuit: records their outcomes.
        tracer: starts their spans.
    """
    fast_path = circuit.fast_path
    successes = fast_path.successes

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        published = fast_path  # local names are read faster
        period, clock = published.limited_period, published.clock
        started = clock()
        if period is None or started >= published.quiet_until or tracer.is_active():
            return untimed(*args, **kwargs)
        permit, in_frames = Permit(), limit.in_frames
        permit.generation, permit.failure_count, permit.started = period.generation, period.failure_count, started
        period.in_flight[permit] = True
        try:
            in_frames.append(True)
            if len(in_frames) > limit.limit or (limit.in_flight and limit.number_in_flight > limit.limit):
                period.leave(permit)
                try:
                    in_frames.pop()  # the fallback of a refused call takes no place
                    result = untimed(*args, **kwargs)
                    return result  # noqa: RET504  # the check for signals after the call comes before the end of the `try`
                finally:
                    in_frames.append(True)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                _record_error(circuit, tracer, permit, None, error)
                raise
            kind = type(result)
            try:
                is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
            except Exception:  # as above
                is_complete = False
            if not is_complete and (follower := follower_of(result)) is not None:
                call = continued(circuit, tracer, permit)
                limit.in_flight[permit] = held_by(call, permit, limit)
                result = cast("R", follow(follower, result, call))
                return result  # noqa: RET504  # as above
        finally:  # an interrupt may come at any call, and must not leave a place taken
            in_frames.pop()
        now = clock()
        if now < published.quiet_until and now < started + period.slow_after and period.in_flight.pop(permit, False):
            next(successes)
        elif not is_finalizing():
            circuit.record_outcome(permit, SUCCESS)
        return result

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
            _record_error(circuit, tracer, permit, span, error)
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
            _record_error(circuit, tracer, permit, span, error)
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
