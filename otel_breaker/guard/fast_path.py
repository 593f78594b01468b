"""The hot paths: a call that no more is wanted of than a permit, a count and maybe a span is not made a `Call` of.

Whatever else is wanted is left to a `Call`, which the bodies run (bodies.py). A refusal is raised here, by the frame
that the caller sees, and shows none of ours beside it.
"""

from __future__ import annotations

from functools import wraps
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.awaitable import PLAIN, PLAIN_IDS, follower_of
from otel_breaker.guard.call import Call
from otel_breaker.guard.native import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.wrappers import run_coroutine, run_function

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.ports import CallTracer

P = ParamSpec("P")
R = TypeVar("R")


def heat_function(function: Callable[P, R], circuit: Circuit, site: CallTracer) -> Callable[P, R]:
    """Guard a plain function by its hot paths."""
    hot = _hot(function, circuit, site)
    return hot if circuit.settings.slow_call_duration is None else _timed(function, hot, circuit, site)


def _hot(function: Callable[P, R], circuit: Circuit, site: CallTracer) -> Callable[P, R]:
    """Where nobody listens, and all calls share a permit: two attribute reads and a counter."""
    fast_path = circuit.fast_path
    count_success = fast_path.count_success
    traced = _traced(function, circuit, site)

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = fast_path.shared_permit
        if permit is None or site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            if permit is not None and not is_finalizing():
                return traced(permit, args, kwargs)
            refusal = fast_path.try_refuse() if site.tracing.source._TRACER_PROVIDER is None else None  # noqa: SLF001  # as above
            if refusal is None:
                call = Call(circuit, site)
                refusal = call.take_refusal()
                if refusal is None:
                    return run_function(function, call, args, kwargs)
            try:
                raise refusal
            finally:
                del refusal  # or error, traceback and frame would hold each other, and the caller's arguments
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            _settle(circuit, permit, error)
            raise
        kind = type(result)
        try:
            plain = kind in PLAIN or id(kind) in PLAIN_IDS
        except Exception:  # a type may refuse to be hashed, in its own way
            plain = False
        if plain or (follower := follower_of(result)) is None:
            if fast_path.standing_permit is permit:
                count_success()
            else:
                circuit.record_success(permit)
            return result
        return cast("R", follow(follower, result, Call(circuit, site, admitted=permit)))

    return guarded


def _settle(circuit: Circuit, permit: Permit, error: BaseException) -> None:
    if not is_finalizing():  # see Call
        circuit.record_error(permit, error)


def _timed(function: Callable[P, R], hot: Callable[P, R], circuit: Circuit, site: CallTracer) -> Callable[P, R]:
    """Where nobody listens, and each call is timed.

    Written out, down to what core/closed.py says of such calls: a function between would cost as much as the rest.
    """
    fast_path = circuit.fast_path
    count_success = fast_path.count_success

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        period = fast_path.timed_period
        started = fast_path.clock()
        if period is None or started >= fast_path.quiet_until or site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return hot(*args, **kwargs)
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = period.generation, period.failure_count, started
        period.in_flight[permit] = True
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            _settle(circuit, permit, error)
            raise
        kind = type(result)
        try:
            plain = kind in PLAIN or id(kind) in PLAIN_IDS
        except Exception:  # as above
            plain = False
        if not plain and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, Call(circuit, site, admitted=permit)))
        now = fast_path.clock()
        if now < fast_path.quiet_until and now < started + period.slow_after and period.in_flight.pop(permit, False):
            count_success()
        elif not is_finalizing():
            circuit.record_outcome(permit, SUCCESS)
        return result

    return guarded


def _traced(
    function: Callable[..., R], circuit: Circuit, site: CallTracer
) -> Callable[[Permit, tuple[Any, ...], dict[str, Any]], R]:
    """Where somebody listens."""
    fast_path = circuit.fast_path
    count_success = fast_path.count_success

    def guarded(permit: Permit, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        span = site.start(circuit, permit, NO_CHANGES)
        if span is None:
            return run_function(function, Call(circuit, site), args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            Call(circuit, site, admitted=permit, span=span).raised(error)
            raise
        kind = type(result)
        try:
            plain = kind in PLAIN or id(kind) in PLAIN_IDS
        except Exception:  # as above
            plain = False
        if not plain and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, Call(circuit, site, admitted=permit, span=span)))
        if fast_path.standing_permit is permit:
            count_success()
        else:
            circuit.record_success(permit)
        span.succeed()
        return result

    return guarded


def heat_coroutine(
    function: Callable[P, Awaitable[R]], circuit: Circuit, site: CallTracer
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Guard a coroutine function by its hot path."""
    fast_path = circuit.fast_path
    count_success = fast_path.count_success

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = fast_path.shared_permit
        if permit is None or site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            call = Call(circuit, site)
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
            _settle(circuit, permit, error)
            raise
        kind = type(result)
        try:
            plain = kind in PLAIN or id(kind) in PLAIN_IDS
        except Exception:  # as above
            plain = False
        if not plain and follower_of(result) is not None and (follower := stream_follower_of(result)) is not None:
            return cast("R", follow(follower, result, Call(circuit, site, admitted=permit)))
        if fast_path.standing_permit is permit:
            count_success()
        else:
            circuit.record_success(permit)
        return result

    return guarded
