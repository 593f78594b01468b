"""The guard of a function whose calls choose their breaker: by the key that the arguments make.

Which breakers there are, and how many, is not known here; see keyed.py. Nor is it how a template makes keys.
"""

from __future__ import annotations

from functools import partial
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from otel_breaker import diagnostics
from otel_breaker.circuit import Circuit
from otel_breaker.guard import guard_by_choice, preserve_signature
from otel_breaker.key_functions import NoKeyError
from otel_breaker.settings import Mode, Settings
from otel_breaker.telemetry.traces import code_name
from otel_breaker.text import type_name
from otel_breaker.tracers import function_tracer

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.keyed import KeyedBreaker
    from otel_breaker.telemetry.traces import OtelCallTracer

P = ParamSpec("P")
R = TypeVar("R")


def guard_by_key(
    keyed: KeyedBreaker,
    function: Callable[P, R],
    key_of: Callable[P, str],
    *,
    trampoline_for: Callable[..., Any] | None = None,
    name: str | None = None,
    patched: bool = False,
) -> Callable[P, R]:
    """Guard a callable, each call by the breaker of the key that its arguments make.

    Args:
        keyed: the breakers.
        function: what to guard.
        key_of: returns the key of a call, given its arguments; may be called twice for one call. Calls for which it
            raises pass unguarded; a `NoKeyError` has the reason.
        trampoline_for: what *function* is given as its first argument, when it only calls that. The key is then made of
            the arguments that follow.
        name: the function's name in spans, when it is not its own.
        patched: whether the guard replaces a function whose callers do not know of it; telemetry's own calls then
            pass unguarded.

    Raises:
        TypeError: when a call of it cannot be guarded.
    """
    make = partial(_make_guard, keyed, function, key_of, trampoline_for, name, patched=patched)
    if trampoline_for is not None:
        return make()
    # A fallback needs the arguments as the caller passed them.
    return preserve_signature(make(), function, exact=keyed.settings.fallback is None, made_by=make)


def _make_guard(
    keyed: KeyedBreaker,
    function: Callable[P, R],
    key_of: Callable[..., str],
    trampoline_for: Callable[..., Any] | None,
    name: str | None,
    *,
    patched: bool,
) -> Callable[P, R]:
    is_trampoline = trampoline_for is not None
    tracer = function_tracer(keyed.name, function, name=name, patched=patched, trampoline=is_trampoline)
    choice = _ChoiceByKey(keyed, key_of, tracer, name or code_name(trampoline_for or function))
    guarded = guard_by_choice(function, choice, tracer, trampoline_for)
    guarded.__dict__["__circuit_breaker__"] = keyed
    guarded.__dict__["__circuit_breaker_tracer__"] = tracer
    return guarded


class Bound:
    """A function and the object that it is bound to: what a trampoline calls for a bound function."""

    __slots__ = ("_function", "instance")

    def __init__(self, function: Callable[..., Any], instance: object) -> None:
        self._function = function
        self.instance = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


def _of_trampoline(key_of: Callable[..., str]) -> Callable[..., str]:
    """Makes the key of a trampoline's arguments: what it calls, and the arguments of that."""

    def key_of_called(called: object, /, *args: Any, **kwargs: Any) -> str:
        return key_of(called.instance, *args, **kwargs) if type(called) is Bound else key_of(*args, **kwargs)

    return key_of_called


class _ChoiceByKey:
    """Chooses the circuits of the calls of one guarded function."""

    def __init__(
        self, keyed: KeyedBreaker, key_of: Callable[..., str], tracer: OtelCallTracer, function_name: str
    ) -> None:
        self.key_of = _of_trampoline(key_of) if tracer.is_trampoline else key_of
        self.find = keyed.find
        self._keyed = keyed
        self._tracer = tracer
        self._function_name = function_name
        self._has_logged = False
        self.pattern = Circuit(keyed.name, None, keyed.settings)
        # Admits calls without a key. All together under one circuit, they would be refused because one of them fails.
        self._unguarded = Circuit(keyed.name, None, Settings(mode=Mode.OFF).resolved())

    def choose_new(self, key: str) -> Circuit:
        """The circuit of a key that `find` has not found."""
        if is_finalizing():  # no breaker can be made any more
            return self._unguarded
        if not isinstance(key, str):
            return self.choose_without_key(NoKeyError(f"the key is {type_name(type(key))}, not text"))
        if not self._keyed.has_key(key) and self._tracer.passes_through():
            return self._unguarded  # telemetry's own call, which must not make a circuit
        return self._keyed.for_key(key)._circuit  # noqa: SLF001  # our own interface

    def choose_without_key(self, error: Exception) -> Circuit:
        """The circuit of a call whose arguments make no key."""
        if not self._has_logged:
            self._has_logged = True
            diagnostics.error(
                "calls of %s pass unguarded by %r: no key can be made: %s; logged once",
                self._function_name,
                self._keyed.name,
                error if type(error) is NoKeyError else type_name(type(error)),
            )
        return self._unguarded
