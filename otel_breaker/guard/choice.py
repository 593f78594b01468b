"""Guards whose calls choose their circuit, by a key.

Such a guard is that of one circuit, compiled again with the choice of the circuit before everything else: it does what
the other does, and needs no copy of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from otel_breaker.guard.call import Call
from otel_breaker.guard.signatures import compile_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.call import Begin
    from otel_breaker.guard.ports import CallTracer, CircuitChoice


def add_choice(wrapper: Callable[..., Any], choice: CircuitChoice) -> Callable[..., Any] | None:
    """The wrapper with a circuit that is chosen at each call; None where its source is not available."""
    return compile_after(_choose(choice), cast("FunctionType", wrapper))


def begin_chosen(choice: CircuitChoice, tracer: CallTracer) -> Begin:
    """Begins each call with the circuit that is chosen for it."""
    choose = _choose(choice)
    return lambda args, kwargs: Call.begin(choose(*args, **kwargs), tracer)


def _choose(choice: CircuitChoice) -> FunctionType:
    """Chooses the circuit of a call. Guards contain its statements, but the last, and read what they assign."""
    key_of, find, choose_new, choose_without_key = (
        choice.key_of,
        choice.find,
        choice.choose_new,
        choice.choose_without_key,
    )

    def choose(*args: Any, **kwargs: Any) -> Circuit:
        try:
            key = key_of(*args, **kwargs)
            known = find(key)
        except Exception as error:
            circuit = choose_without_key(error)
        else:
            if known is None:
                circuit = choose_new(key)
            else:
                known.was_used = True
                circuit = known.circuit
        fast_path = circuit.fast_path
        successes = fast_path.successes  # noqa: F841  # for guards, as above
        return circuit

    return cast("FunctionType", choose)
