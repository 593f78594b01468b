"""The hot path: a plainly closed circuit that nobody traces costs two attribute reads and a counter.

Whatever else is wanted is left to the body of the callable's kind (bodies.py).
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


def heat_function(function: Callable[P, R], body: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Put the hot path of a plain function in front of its body."""
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    def switch_off() -> None:
        nonlocal tracing  # what is switched off sends every call to the body, and the hot path need not ask
        tracing = site.tracing

    site.on_switch_off(switch_off)

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            return body(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        try:
            plain = type(result) in PLAIN
        except TypeError:  # a type may refuse to be hashed
            plain = False
        if plain and circuit.standing_permit is permit:
            count_success()
        elif is_awaitable(result):
            return cast("R", follow(result, Call(circuit, site, admitted=permit)))
        else:
            circuit.settle(permit, Outcome.SUCCESS)
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

    def switch_off() -> None:
        nonlocal tracing  # as above
        tracing = site.tracing

    site.on_switch_off(switch_off)

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
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
            circuit.settle(permit, Outcome.SUCCESS)
        return result

    return guarded
