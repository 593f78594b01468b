"""A guarded function or coroutine function: the hot path.

Both bodies are written out twice on purpose: while the circuit is plainly closed and nobody traces, a call costs two
attribute reads and a counter, and anything shared between the two would cost a call more.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.core.states import Outcome
from otel_breaker.guard.awaitable import PLAIN, follow, is_awaitable
from otel_breaker.guard.call import Call, CallSite

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit

P = ParamSpec("P")
R = TypeVar("R")


def guard_function(function: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Guard a plain function; if it returns an awaitable, the call ends when that does."""
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            call = Call(circuit, site)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:  # a cancelled probe must give its place back, too
                call.raised(error)
                raise
            if is_awaitable(result):
                return cast("R", follow(result, call))
            call.returned(result)
            return result
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        if circuit.standing_permit is permit and result.__class__ in PLAIN:
            count_success()
        elif is_awaitable(result):
            return cast("R", follow(result, Call(circuit, site, admitted=permit)))
        else:
            circuit.settle(permit, Outcome.SUCCESS)
        return result

    return guarded


def guard_coroutine(
    function: Callable[P, Awaitable[R]], circuit: Circuit, site: CallSite
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Guard a coroutine function; the call begins when the coroutine is first awaited."""
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            call = Call(circuit, site)
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                call.raised(error)
                raise
            call.returned(result)
            return result
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        if circuit.standing_permit is permit:
            count_success()
        else:
            circuit.settle(permit, Outcome.SUCCESS)
        return result

    return guarded
