"""CircuitBreaker, the public class: composes circuit, guard and telemetry, and adds no behaviour of its own.

Methods with one leading underscore are the interface for the other modules of this distribution.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from otel_breaker import settings as all_settings
from otel_breaker.caller_name import caller_name
from otel_breaker.guard import Block, cancel_abandoned_calls, guard, preserve_signature
from otel_breaker.guarded_calls import GuardedCalls
from otel_breaker.living import LivingObjects
from otel_breaker.settings import identifiers
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from otel_breaker.text import clean, operator_text
from otel_breaker.tracers import block_tracer, current_span_context, function_tracer
from otel_breaker.two_step import TwoStepCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self, Unpack

    from otel_breaker.circuit import Circuit, Listener, Listeners, Snapshot
    from otel_breaker.core.states import CircuitState
    from otel_breaker.settings import Keywords, Settings
    from otel_breaker.telemetry.traces import OtelCallTracer

P = ParamSpec("P")
R = TypeVar("R")

_LIVING: Final[LivingObjects[CircuitBreaker]] = LivingObjects()


class CircuitBreaker(GuardedCalls, TwoStepCalls):
    """Counts failures of a dependency, refuses calls while it is down, and probes whether it is back.

    Use it as a decorator, as `with breaker.guard():`, or as `await breaker.call(function, ...)`.

    Args:
        name: its name in telemetry: a line of at most 256 characters; by default the code that makes it, as
            `module:qualname`.
        key: distinguishes breakers of the same name; see `get_breaker` for how a key is shown.
        clock: returns monotonic seconds; for tests.
        **settings: see docs/configuration.md.

    Raises:
        InvalidSettings: naming the setting, its value and what is allowed.
    """

    # Made when first needed, in one atomic step: most breakers need none.
    _listeners: Listeners | None = None

    def __init__(
        self,
        name: str | None = None,
        *,
        key: str | None = None,
        clock: Callable[[], float] | None = None,
        **settings: Unpack[Keywords],
    ) -> None:
        checked = all_settings.Settings.from_mapping(settings)
        if name is None:
            made = caller_name(sys._getframe(1))  # noqa: SLF001  # the documented way to the caller
            self._set_up(clean(made), key, checked, clock)
        else:
            self._set_up(identifiers.name(name, "name"), key, checked, clock)

    @classmethod
    def _with_settings(cls, name: str, settings: Settings, key: str | None = None) -> Self:
        """Make a breaker whose settings are read already."""
        breaker = cls.__new__(cls)
        breaker._set_up(identifiers.name(name, "name"), key, settings, None)  # noqa: SLF001  # an object of this class
        return breaker

    def _set_up(self, name: str, key: str | None, settings: Settings, clock: Callable[[], float] | None) -> None:
        from otel_breaker.new_circuits import make_circuit  # noqa: PLC0415  # see there

        self.name = name
        self._circuit: Circuit = make_circuit(name, key, settings, clock)
        self._block_tracer: OtelCallTracer | None = None
        self._set_up_calls()
        METRIC_REGISTRY.add(self._circuit)
        _LIVING.add(self)

    def __repr__(self) -> str:
        keyed = "" if self.key is None else f" {self.key!r}"
        return f"<CircuitBreaker {self.name!r}{keyed} {self.state.value}>"

    # A copy would be a second breaker that sees half of the calls.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @property
    def key(self) -> str | None:
        """The key of a keyed breaker, as telemetry shows it; None for a breaker without a key."""
        return self._circuit.history.key

    @property
    def settings(self) -> Settings:
        """The settings in force, checked, with the defaults."""
        return self._circuit.settings

    @property
    def is_idle(self) -> bool:
        """Whether dropping it loses nothing: it is closed, has no failure and no call in flight that it times."""
        return self._circuit.is_idle

    def _replace_settings(self, settings: Settings) -> None:
        """Apply other settings; state, counts and telemetry identity are kept."""
        self._circuit.adopt(settings.resolved())

    # --- guarding

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Guard a function, coroutine function or method; a decorator.

        Returns:
            A function with the same signature.

        Raises:
            TypeError: when a call of it cannot be guarded.
        """
        return self._wrap(function)

    def _wrap(
        self,
        function: Callable[P, R],
        *,
        trampoline_for: Callable[..., Any] | None = None,
        name: str | None = None,
        patched: bool = False,
    ) -> Callable[P, R]:
        """Guard a callable.

        Args:
            function: what to guard.
            trampoline_for: what *function* is given as its first argument, when it only calls that.
            name: the function's name in spans, when it is not its own.
            patched: whether the guard replaces a function whose callers do not know of it; telemetry's own calls
                then pass unguarded.

        Raises:
            TypeError: when a call of it cannot be guarded.
        """
        if isinstance(function, classmethod | staticmethod):
            return type(function)(self._wrap(function.__func__, name=name, patched=patched))
        make = partial(self._make_guard, function, trampoline_for, name, patched=patched)
        if trampoline_for is not None:
            return make()
        # A fallback needs the arguments as the caller passed them.
        return preserve_signature(make(), function, exact=self.settings.fallback is None, made_by=make)

    def _make_guard(
        self,
        function: Callable[P, R],
        trampoline_for: Callable[..., Any] | None = None,
        name: str | None = None,
        *,
        patched: bool = False,
    ) -> Callable[P, R]:
        tracer = function_tracer(self.name, function, name=name, patched=patched, trampoline=trampoline_for is not None)
        guarded = guard(function, self._circuit, tracer, trampoline_for)
        guarded.__dict__["__circuit_breaker__"] = self  # keeps the breaker alive, and in `breakers()`
        guarded.__dict__["__circuit_breaker_tracer__"] = tracer
        return guarded

    def guard(self) -> Block:
        """Guard a block: `with breaker.guard() as call:`, also inside async code, or `async with`."""
        tracer = self._block_tracer
        if tracer is None:  # made when first needed: there may be a breaker for each of a thousand keys
            tracer = self._block_tracer = block_tracer(self.name)
        return Block(self._circuit, tracer)

    # --- observing

    @property
    def state(self) -> CircuitState:
        """The state of the circuit; `open` until a probe is admitted."""
        return self._circuit.state

    def snapshot(self) -> Snapshot:
        """A frozen, consistent view of the circuit."""
        cancel_abandoned_calls()
        return self._circuit.snapshot()

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self.snapshot().consecutive_failures

    @property
    def last_failure_time(self) -> float | None:
        """When a call last failed, in seconds since the epoch."""
        return self._circuit.history.last_failure_time

    @property
    def last_state_change(self) -> float:
        """When the circuit last changed its state, or was made, in seconds since the epoch."""
        return self._circuit.history.last_change_time

    def add_listener(self, listener: Listener) -> None:
        """Have a function called with a `StateChange` after each state change, in order, never under a lock.

        A bound method is held weakly: it is dropped with its object.
        """
        from otel_breaker.new_circuits import make_listeners  # noqa: PLC0415  # see there

        listeners: Listeners = self.__dict__.setdefault("_listeners", make_listeners())
        listeners.add(listener)
        self._circuit.history.listeners = listeners

    def remove_listener(self, listener: Listener) -> None:
        """Call a listener no longer; does nothing when it is none."""
        if self._listeners is not None:
            self._listeners.remove(listener)

    # --- operating

    def force_open(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Refuse all calls until `reset` or `force_closed`.

        Args:
            reason: why, for telemetry and `snapshot`; shown without secrets of known shapes, such as a URL's password,
                and cut to 1,024 characters.
            actor: who; likewise.
        """
        self._circuit.force_open(operator_text(reason), operator_text(actor), current_span_context())

    def force_closed(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Admit all calls, and count no outcome against the circuit, until `reset` or `force_open`."""
        self._circuit.force_closed(operator_text(reason), operator_text(actor), current_span_context())

    def reset(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Close the circuit and drop its counts of failures."""
        self._circuit.reset(operator_text(reason), operator_text(actor), current_span_context())


def living() -> list[CircuitBreaker]:
    """Every breaker that something still refers to."""
    return _LIVING.all()
