"""The hot paths: a call that no more is wanted of than a permit, a count and maybe a span is not made a `Call` of.

Whatever else is wanted is left to the body of the callable's kind (bodies.py).
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.circuit.changes import NO_MOVES
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.awaitable import PLAIN, follow, is_awaitable
from otel_breaker.guard.call import Call, CallSite

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit

P = ParamSpec("P")
R = TypeVar("R")


def heat_function(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Put the hot paths of a plain function in front of its body."""
    hot = _hot(function, body, circuit, site)
    return hot if circuit.settings.slow_call_duration is None else _timed(function, hot, circuit, site)


def _hot(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Where nobody listens, and all calls share a permit: two attribute reads and a counter."""
    count_success = circuit.count_success
    traced = _traced(function, body, circuit, site)

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return traced(*args, **kwargs)
        permit = circuit.shared_permit
        if permit is None:
            refusal = circuit.refuse_at_once()
            if refusal is None:
                return body(*args, **kwargs)
            try:
                raise refusal
            finally:
                del refusal  # or error, traceback and frame would hold each other, and the caller's arguments
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            circuit.settle_error(permit, error)
            raise
        try:
            plain = type(result) in PLAIN
        except TypeError:  # a type may refuse to be hashed
            plain = False
        if plain or not is_awaitable(result):
            if circuit.standing_permit is permit:
                count_success()
            else:
                circuit.succeed(permit)
            return result
        return cast("R", follow(result, Call(circuit, site, admitted=permit)))

    return guarded


def _timed(function: Callable[P, R], hot: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Where nobody listens, and each call is timed.

    Written out, down to what core/closed.py says of such calls: a function between would cost as much as the rest.
    """
    count_success = circuit.count_success

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        period = circuit.timed_period
        started = circuit.clock()
        if period is None or started >= circuit.quiet_until or site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return hot(*args, **kwargs)
        permit = Permit()
        permit.generation, permit.epoch, permit.started = period.generation, period.epoch, started
        period.in_flight[permit] = True
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            circuit.settle_error(permit, error)
            raise
        try:
            plain = type(result) in PLAIN
        except TypeError:  # as above
            plain = False
        if not plain and is_awaitable(result):
            return cast("R", follow(result, Call(circuit, site, admitted=permit)))
        now = circuit.clock()
        if now < circuit.quiet_until and now < started + period.slow_after and period.in_flight.pop(permit, False):
            count_success()
        else:
            circuit.settle(permit, SUCCESS)
        return result

    return guarded


def _traced(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Where somebody listens."""
    count_success = circuit.count_success

    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.shared_permit
        span = site.start(circuit, permit, NO_MOVES) if permit is not None else None
        if permit is None or span is None:
            return body(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            Call(circuit, site, admitted=permit, span=span).raised(error)
            raise
        try:
            plain = type(result) in PLAIN
        except TypeError:  # as above
            plain = False
        if not plain and is_awaitable(result):
            return cast("R", follow(result, Call(circuit, site, admitted=permit, span=span)))
        if circuit.standing_permit is permit:
            count_success()
        else:
            circuit.succeed(permit)
        span.succeed()
        return result

    return guarded


def heat_coroutine(
    function: Callable[P, Awaitable[R]],
    body: Callable[P, Coroutine[Any, Any, R]],
    circuit: Circuit,
    site: CallSite,
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Put the hot path of a coroutine function in front of its body."""
    count_success, settle_error = circuit.count_success, circuit.settle_error

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.shared_permit
        if permit is None or site.tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return await body(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        if circuit.standing_permit is permit:
            count_success()
        else:
            circuit.succeed(permit)
        return result

    return guarded
