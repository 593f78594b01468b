"""The hot paths: a call that no more is wanted of than a permit, a count and maybe a span is not made a `Call` of.

Whatever else is wanted is left to the body of the callable's kind (bodies.py).
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard.awaitable import PLAIN, follow, is_awaitable
from otel_breaker.guard.call import NO_MOVES, Call, CallSite

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.circuit import Circuit

P = ParamSpec("P")
R = TypeVar("R")


def heat_function(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Put the hot path of a plain function in front of its body: two attribute reads and a counter."""
    tracing, count_success = site.tracing, circuit.count_success
    traced = _traced(function, body, circuit, site)

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return traced(*args, **kwargs)
        permit = circuit.shared_permit
        if permit is None:
            decision = circuit.decide_at_once()
            if decision is None:
                return body(*args, **kwargs)
            if isinstance(decision, CircuitOpenError):
                try:
                    raise decision
                finally:
                    del decision  # or error, traceback and frame would hold each other, and the caller's arguments
            permit = decision
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


def _traced(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Where somebody listens."""

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
        if is_awaitable(result):
            return cast("R", follow(result, Call(circuit, site, admitted=permit, span=span)))
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
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.shared_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
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
