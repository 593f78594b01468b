"""The guard of a function whose calls choose their breaker: by the key that the arguments make.

Which breakers there are, and how many, is not known here; see keyed.py.
"""

from __future__ import annotations

from functools import partial
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from otel_breaker import diagnostics
from otel_breaker.circuit import Circuit, Listeners
from otel_breaker.guard import Call, guard_each, preserve_signature
from otel_breaker.key_template import Bound, NoKeyError
from otel_breaker.settings import Mode, Settings
from otel_breaker.telemetry.traces import code_name
from otel_breaker.tracers import function_tracer

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.key_template import Template
    from otel_breaker.keyed import KeyedBreaker
    from otel_breaker.telemetry.traces import OtelCallTracer

P = ParamSpec("P")
R = TypeVar("R")


def guard_by_key(
    keyed: KeyedBreaker,
    function: Callable[P, R],
    template: Template,
    *,
    trampoline_for: Callable[..., Any] | None = None,
    name: str | None = None,
    patched: bool = False,
) -> Callable[P, R]:
    """Guard a callable, each call by the breaker of the key that its arguments make.

    Args:
        keyed: the breakers.
        function: what to guard.
        template: makes the key of a call.
        trampoline_for: what *function* is given as its first argument, when it only calls that.
        name: the function's name in spans, when it is not its own.
        patched: whether the guard replaces a function whose callers do not know of it; telemetry's own calls then
            pass unguarded.

    Raises:
        TypeError: when a call of it cannot be guarded.
        InvalidSettings: when the template names parameters that the function does not have.
    """
    make = partial(_make_guard, keyed, function, template, trampoline_for, name, patched=patched)
    if trampoline_for is not None:
        return make()
    # A fallback needs the arguments as the caller passed them.
    return preserve_signature(make(), function, exact=keyed.settings.fallback is None, made_by=make)


def _make_guard(
    keyed: KeyedBreaker,
    function: Callable[P, R],
    template: Template,
    trampoline_for: Callable[..., Any] | None,
    name: str | None,
    *,
    patched: bool,
) -> Callable[P, R]:
    is_trampoline = trampoline_for is not None
    tracer = function_tracer(keyed.name, function, name=name, patched=patched, trampoline=is_trampoline)
    called = trampoline_for or function
    calls = _KeyedCalls(keyed, called, template, tracer, name or code_name(called), is_trampoline=is_trampoline)
    guarded = guard_each(function, calls.begin, trampoline_for)
    guarded.__dict__["__circuit_breaker__"] = keyed
    guarded.__dict__["__circuit_breaker_tracer__"] = tracer
    return guarded


class _KeyedCalls:
    """Begins the calls of one guarded function."""

    def __init__(
        self,
        keyed: KeyedBreaker,
        called: Callable[..., Any],
        template: Template,
        tracer: OtelCallTracer,
        function_name: str,
        *,
        is_trampoline: bool,
    ) -> None:
        self._keyed = keyed
        self._template = template
        self._signature = template.check(called)
        self._tracer = tracer
        self._function_name = function_name
        self._is_trampoline = is_trampoline
        self._has_logged = False
        # Admits calls without a key. All together under one circuit, they would be refused because one of them fails.
        self._unguarded = Circuit(keyed.name, None, Settings(mode=Mode.OFF).resolved(), Listeners(), None)

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        if is_finalizing():  # no breaker can be made any more
            return self._begin_unguarded()
        if self._is_trampoline:
            called, *rest = args
            args = (called.instance, *rest) if type(called) is Bound else tuple(rest)
        try:
            key = self._template.render(self._signature, args, kwargs)
        except NoKeyError as error:
            self._log_once(error)
            return self._begin_unguarded()
        if not self._keyed.has_key(key) and self._tracer.passes_through():
            return self._begin_unguarded()  # telemetry's own call, which must not make a circuit
        return self._keyed.for_key(key)._begin(self._tracer)  # noqa: SLF001  # our own interface

    def _begin_unguarded(self) -> Call:
        return Call.begin(self._unguarded, self._tracer)

    def _log_once(self, error: NoKeyError) -> None:
        if not self._has_logged:
            self._has_logged = True
            diagnostics.error(
                "calls of %s pass unguarded by %r: no key can be made: %s; logged once",
                self._function_name,
                self._keyed.name,
                error,
            )
