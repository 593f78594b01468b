"""Fast paths of functions whose calls choose their circuit by a key.

They are those of fast_path.py after the choice of the circuit. tests/guard/fast_paths/test_written_out.py compares the
statements that both have.
"""

from __future__ import annotations

from functools import wraps
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.guard.call import Call
from otel_breaker.guard.fast_path import _record_error
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES, follower_of
from otel_breaker.guard.stand_ins import follow
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.wrappers import run_coroutine, run_function

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from otel_breaker.guard.call import Begin
    from otel_breaker.guard.ports import CallTracer, CircuitChoice

P = ParamSpec("P")
R = TypeVar("R")

begin, continued = Call.begin, Call.continued  # as in fast_path.py


def add_keyed_fast_path(  # noqa: C901  # a call of a part of it would cost as much as the rest
    function: Callable[P, R], choice: CircuitChoice, tracer: CallTracer
) -> Callable[P, R]:
    """Guard a function that is neither a coroutine function nor a generator function."""
    key_of, find, choose, choose_without_key = choice.key_of, choice.find, choice.choose, choice.choose_without_key

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:  # noqa: C901, PLR0912  # as above
        try:
            key = key_of(*args, **kwargs)
            known = find(key)
        except Exception as error:
            circuit = choose_without_key(error)
        else:
            if known is None:
                circuit = choose(key)
            else:
                known.was_used = True
                circuit = known.circuit
        fast_path = circuit.fast_path
        permit, span = fast_path.shared_permit, None
        if permit is None or tracer.is_active():
            if permit is not None and not is_finalizing():
                span = tracer.start(circuit, permit, NO_CHANGES)
            if span is None or permit is None:
                refusal = None if tracer.is_active() else fast_path.try_refuse()
                if refusal is None:
                    call = begin(circuit, tracer)
                    refusal = call.take_refusal()
                    if refusal is None:
                        return run_function(function, call, args, kwargs)
                try:
                    raise refusal
                finally:
                    del refusal  # as in fast_path.py
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            if span is None:
                _record_error(circuit, permit, error)
            else:
                continued(circuit, tracer, permit, span).raised(error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as in fast_path.py
            is_complete = False
        if not is_complete and (follower := follower_of(result)) is not None:
            return cast("R", follow(follower, result, continued(circuit, tracer, permit, span)))
        if fast_path.standing_permit is permit:
            fast_path.count_success()
        else:
            circuit.record_success(permit)
        if span is not None:
            span.succeed()
        return result

    return guarded


def add_keyed_coroutine_fast_path(  # noqa: C901  # as above
    function: Callable[P, Awaitable[R]], choice: CircuitChoice, tracer: CallTracer
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Guard a coroutine function; the circuit is chosen when its coroutine is first awaited."""
    key_of, find, choose, choose_without_key = choice.key_of, choice.find, choice.choose, choice.choose_without_key

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:  # noqa: C901, PLR0912  # as above
        try:
            key = key_of(*args, **kwargs)
            known = find(key)
        except Exception as error:
            circuit = choose_without_key(error)
        else:
            if known is None:
                circuit = choose(key)
            else:
                known.was_used = True
                circuit = known.circuit
        fast_path = circuit.fast_path
        permit, span = fast_path.shared_permit, None
        if permit is None or tracer.is_active():
            if permit is not None and not is_finalizing():
                span = tracer.start(circuit, permit, NO_CHANGES)
            if span is None or permit is None:
                call = begin(circuit, tracer)
                refusal = call.take_refusal()
                if refusal is None:
                    return await run_coroutine(function, call, args, kwargs)
                try:
                    raise refusal
                finally:
                    del refusal  # as in fast_path.py
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            if span is None:
                _record_error(circuit, permit, error)
            else:
                continued(circuit, tracer, permit, span).raised(error)
            raise
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:  # as in fast_path.py
            is_complete = False
        if not is_complete and follower_of(result) is not None and (follower := stream_follower_of(result)) is not None:
            return cast("R", follow(follower, result, continued(circuit, tracer, permit, span)))
        if fast_path.standing_permit is permit:
            fast_path.count_success()
        else:
            circuit.record_success(permit)
        if span is not None:
            span.succeed()
        return result

    return guarded


def begin_by_key(choice: CircuitChoice, tracer: CallTracer) -> Begin:
    """Begin the calls of all other kinds of callables."""
    key_of, find, choose, choose_without_key = choice.key_of, choice.find, choice.choose, choice.choose_without_key

    def begin_chosen(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        try:
            key = key_of(*args, **kwargs)
            known = find(key)
        except Exception as error:
            circuit = choose_without_key(error)
        else:
            if known is None:
                circuit = choose(key)
            else:
                known.was_used = True
                circuit = known.circuit
        return begin(circuit, tracer)

    return begin_chosen
