"""Fast paths of functions whose calls are timed, and of those that a limit of calls in flight counts.

The rules of fast_path.py hold here, too. Calls that need more are made by the wrapper that is called `untimed`.
"""

from __future__ import annotations

from functools import wraps
from sys import is_finalizing
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from otel_breaker.circuit.places import held_by
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.call import Call, end_with_error
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, follower_of
from otel_breaker.guard.stand_ins import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.guard.ports import CallTracer

P = ParamSpec("P")
R = TypeVar("R")

continued = Call.continued  # see fast_path.py


def add_timed_path(
    function: Callable[P, R], untimed: Callable[P, R], circuit: Circuit, tracer: CallTracer
) -> Callable[P, R]:
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
            end_with_error(circuit, tracer, permit, None, error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as in fast_path.py
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


def add_limited_path(
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
                end_with_error(circuit, tracer, permit, None, error)
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
