"""CircuitBreaker, the public class: composes circuit, guard and telemetry, and adds no behaviour of its own."""

from __future__ import annotations

import sys
import weakref
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from opentelemetry import trace

from otel_breaker import diagnostics
from otel_breaker.circuit import RUNTIME, Circuit, Listener, Listeners, Snapshot
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import FAILURE, SUCCESS, CircuitState, Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard import Block, Call, cancel_abandoned_calls, guard, preserve_signature
from otel_breaker.settings import Settings, identifiers
from otel_breaker.telemetry import events
from otel_breaker.telemetry.configuration import TELEMETRY
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from otel_breaker.telemetry.traces import TRACING, OtelCallTracer, code_name
from otel_breaker.text import noted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self, Unpack

    from otel_breaker.settings import Keywords

P = ParamSpec("P")
R = TypeVar("R")

_LIVING: Final[weakref.WeakValueDictionary[int, CircuitBreaker]] = weakref.WeakValueDictionary()

_TRACING: Final = TRACING
_MOST_UNSETTLED: Final = 10_000


class CircuitBreaker:
    """Counts failures of a dependency, refuses calls while it is down, and probes whether it is back.

    Use it as a decorator, as `with breaker.guard():`, or as `await breaker.call(function, ...)`.

    Args:
        name: what telemetry calls it: a line of at most 256 characters; without one it is called after where it
            is made.
        key: which circuit of those that share the name; see `get_breaker` for how it is shown.
        clock: monotonic seconds; for tests.
        ready: settings that were read elsewhere, instead of keywords.
        **settings: see docs/configuration.md.

    Raises:
        InvalidSettings: naming the setting, its value and what is allowed.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        key: str | None = None,
        clock: Callable[[], float] | None = None,
        ready: Settings | None = None,
        **settings: Unpack[Keywords],
    ) -> None:
        TELEMETRY.read_environment()
        checked = (ready or Settings.from_mapping(settings)).resolved()
        if name is None:
            self.name = identifiers.clean(_place(sys._getframe(1)))  # noqa: SLF001  # the documented way to find one's caller
        else:
            self.name = identifiers.name(name, "name")
        if key is not None:
            key = identifiers.shown(key)
        self._listeners = Listeners()
        self._listeners.add(events.REPORTER)
        self._circuit = Circuit(self.name, key, checked, self._listeners, clock)
        self._unsettled: OrderedDict[Permit, None] = OrderedDict()
        """What `can_execute` gave and nobody has settled, for those who settle the oldest."""
        self._overlooked = False
        self._block_site: OtelCallTracer | None = None
        METRIC_REGISTRY.follow(self._circuit)
        _LIVING[id(self)] = self

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
        """Which circuit of those that share the name, as it is shown; None for a breaker without a key."""
        return self._circuit.history.key

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it: closed, without a failure, nothing in flight that is watched."""
        return self._circuit.is_idle

    @property
    def settings(self) -> Settings:
        """What is in force, checked, with the defaults."""
        return self._circuit.settings

    def replace_settings(self, settings: Settings) -> None:
        """Live by other settings from now on; state, counts and telemetry identity are kept."""
        self._circuit.adopt(settings.resolved())

    # --- guarding

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Guard a function, coroutine function or method; a decorator.

        Raises:
            TypeError: when a call of it cannot be guarded.
        """
        return self.wrap(function)

    def wrap(
        self,
        function: Callable[P, R],
        *,
        like: Callable[..., Any] | None = None,
        name: str | None = None,
        patched: bool = False,
    ) -> Callable[P, R]:
        """Guard a callable.

        Args:
            function: what to guard.
            like: when *function* only calls what it is handed as its first argument: something like that.
            name: what spans call the function, when it is not what its own name says.
            patched: it is put in place of a function whose callers know nothing of it, so that telemetry's own
                calls must pass unguarded.

        Raises:
            TypeError: when a call of it cannot be guarded.
        """
        if isinstance(function, classmethod | staticmethod):
            return type(function)(self.wrap(function.__func__, name=name, patched=patched))
        make = partial(self._wrap, function, like, name, patched=patched)
        # A fallback wants the arguments as the caller gave them.
        exact = self.settings.fallback is None
        return make() if like is not None else preserve_signature(make(), function, exact=exact, made_by=make)

    def _wrap(
        self, function: Callable[P, R], like: Callable[..., Any] | None, name: str | None, *, patched: bool
    ) -> Callable[P, R]:
        site = call_tracer(self.name, function, name=name, patched=patched, trampoline=like is not None)
        guarded = guard(function, self._circuit, site, like)
        guarded.__dict__["__circuit_breaker__"] = self  # a guarded function keeps its breaker alive, and listed
        guarded.__dict__["__circuit_breaker_site__"] = site
        return guarded

    def begin(self, site: OtelCallTracer) -> Call:
        """Begin a call by hand, for guards that choose a breaker per call."""
        return Call.begin(self._circuit, site)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function guarded; returns what it returns: an awaitable for a coroutine function.

        Raises:
            CircuitOpenError: when the circuit refuses the call; for a coroutine function, when it is awaited.
        """
        return self._wrap(function, None, None, patched=False)(*args, **kwargs)

    def guard(self) -> Block:
        """Guard a block: `with breaker.guard() as call:`, also inside async code, or `async with`."""
        site = self._block_site
        if site is None:  # made when first needed: there may be a breaker for each of a thousand keys
            site = self._block_site = OtelCallTracer(_TRACING, self.name, None)
        return Block(self._circuit, site)

    # --- two-step use

    def can_execute(self) -> Permit | None:
        """Ask for leave to make one call; settle it with `record_success` or `record_failure`.

        Returns:
            A permit, or None when the circuit refuses.
        """
        if RUNTIME.awaits_first_call:
            RUNTIME.first_call_arrived()
        if self._circuit.is_off:
            return Permit.of(NO_GENERATION, self.state)
        cancel_abandoned_calls()
        circuit = self._circuit
        try:
            decision, moves = circuit.acquire_permit(exclusive=True)
            circuit.dispatch_changes(moves, _current_span())
        except BaseException:
            circuit.dispatch_pending()
            raise
        if isinstance(decision, CircuitOpenError):
            return None
        decision.unsettled = True
        self._unsettled[decision] = None
        if len(self._unsettled) > _MOST_UNSETTLED:
            self._overlook()
        return decision

    def _overlook(self) -> None:
        """Forget the oldest permit that is not settled; whoever holds it may settle it still."""
        with suppress(KeyError):
            self._unsettled.popitem(last=False)
        if not self._overlooked:
            self._overlooked = True
            diagnostics.warning(
                "circuit breaker %r: more than %d permits of can_execute() are not settled. The oldest can be settled "
                "only by whoever passes them to record_success() or record_failure(); told once",
                self.name,
                _MOST_UNSETTLED,
            )

    def record_success(self, permit: Permit | None = None) -> None:
        """Say that a call went well.

        Args:
            permit: what `can_execute` gave; else the oldest that is not settled.
        """
        self._settle(permit, SUCCESS, None)

    def record_failure(self, error: BaseException | None = None, permit: Permit | None = None) -> None:
        """Say that a call failed.

        Args:
            error: what it raised; decides by type whether it counts.
            permit: what `can_execute` gave; else the oldest that is not settled.
        """
        outcome = FAILURE if error is None else self._circuit.classifier.classify_error(error)
        self._settle(permit, outcome, error)

    def _settle(self, permit: Permit | None, outcome: Outcome, error: BaseException | None) -> None:
        if self._circuit.is_off:
            return
        if permit is None:
            permit = self._oldest_unsettled() or self._circuit.permit_for_unrequested_result()
        elif not _claim(permit):
            return  # settled before: once is enough
        else:
            self._unsettled.pop(permit, None)
        self._circuit.record_outcome(permit, outcome, error=error, detached=True, origin=_current_span())

    def _oldest_unsettled(self) -> Permit | None:
        while True:
            try:
                permit, _ = self._unsettled.popitem(last=False)
            except KeyError:
                return None
            if _claim(permit):
                return permit

    # --- seeing

    @property
    def state(self) -> CircuitState:
        """What the circuit does now; `open` until a probe is admitted."""
        return self._circuit.state

    def snapshot(self) -> Snapshot:
        """A frozen, consistent view."""
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
        """When the circuit last moved, or was made, in seconds since the epoch."""
        return self._circuit.history.last_change_time

    def add_listener(self, listener: Listener) -> None:
        """Have a function called with a `StateChange` after each move, in order, never under a lock.

        A method is held weakly: it is forgotten with the object that it is bound to.
        """
        self._listeners.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Stop telling a listener; does nothing when it is not told."""
        self._listeners.remove(listener)

    # --- operating

    def force_open(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Refuse all calls until `reset` or `force_closed`.

        Args:
            reason: why, for telemetry and `snapshot`; shown without secrets of known shapes, such as a URL's password,
                and cut to 1,024 characters.
            actor: who; likewise.
        """
        self._circuit.force_open(noted(reason), noted(actor), _current_span())

    def force_closed(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Let all calls pass, unjudged, until `reset` or `force_open`."""
        self._circuit.force_closed(noted(reason), noted(actor), _current_span())

    def reset(self, *, reason: str | None = None, actor: str | None = None) -> None:
        """Close the circuit and forget what was counted against it."""
        self._circuit.reset(noted(reason), noted(actor), _current_span())


def _claim(permit: Permit) -> bool:
    """Take on to settle a permit; at one stroke, so that of two who would one does."""
    return bool(permit.__dict__.pop("unsettled", False))


def living() -> list[CircuitBreaker]:
    """Every breaker that somebody still holds."""
    # References are copied at one stroke; a WeakSet must not grow while it is gone through.
    return [breaker for reference in _LIVING.valuerefs() if (breaker := reference()) is not None]


def call_tracer(
    breaker: str, function: object, *, name: str | None = None, patched: bool = False, trampoline: bool = False
) -> OtelCallTracer:
    """What the calls of a guarded function have in common; see `CircuitBreaker.wrap`."""
    return OtelCallTracer(
        _TRACING, breaker, identifiers.clean(name or code_name(function)), patched=patched, trampoline=trampoline
    )


def _current_span() -> trace.SpanContext | None:
    try:
        context = trace.get_current_span().get_span_context()
        return context if context.trace_flags.sampled else None
    except Exception:  # somebody else's span
        _TRACING.report_fault()
        return None


def _place(frame: FrameType) -> str:
    """Where code stands: `module:qualname`; the same for every instance of a class that makes one each."""
    code = frame.f_code
    qualified = getattr(code, "co_qualname", None)
    if qualified is None:  # Python 3.10
        owner = frame.f_locals.get("self")
        qualified = code.co_name if owner is None else f"{type(owner).__qualname__}.{code.co_name}"
    return f"{frame.f_globals.get('__name__', '?')}:{qualified}"
