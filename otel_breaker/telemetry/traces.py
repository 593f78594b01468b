"""The span of a guarded call: what it says at its start and at its end, and what it links to.

A span is started after the decision, so that samplers see it. It becomes the current one only if that changes
anything. Whatever the SDK, a processor or a sampler raises is logged, once, and stops here.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from otel_breaker.core.states import CircuitState, Outcome
from otel_breaker.errors import CircuitOpenError, type_name
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names
from otel_breaker.telemetry.changes import describe
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import Notice
    from otel_breaker.core.permits import Permit

_log = logging.getLogger("otel_breaker")

_ERROR: Final = Status(StatusCode.ERROR)
_OUTCOMES: Final = {outcome: {names.CALL_OUTCOME: outcome.value} for outcome in Outcome}
_REFUSED: Final = {names.ERROR_TYPE: type_name(CircuitOpenError)}
_ANSWERED: Final = {names.FALLBACK_USED: True}
_SUPPRESSED: Final = otel_context._SUPPRESS_INSTRUMENTATION_KEY  # noqa: SLF001  # no public name yet
_SUPPRESSED_BY_HAND: Final = "suppress_instrumentation"


class Tracing:
    """Where the spans of all breakers go; finds the tracer of whatever provider is set up, however late."""

    def __init__(self) -> None:
        self._provider: object = None
        self._tracer: Tracer | None = None
        self._complained = False
        self.source: Any = trace
        """Has the provider in `_TRACER_PROVIDER`; None there means that nobody listens. Read at every call:
        `get_tracer_provider()` would cost 2 µs each time."""

    def tracer(self) -> Tracer:
        provider = self.source._TRACER_PROVIDER  # noqa: SLF001  # see above
        if self._tracer is None or provider is not self._provider:
            self._tracer = provider.get_tracer(names.SCOPE, __version__)
            self._provider = provider
        return self._tracer

    def complain(self) -> None:
        if not self._complained:
            self._complained = True
            _log.exception("tracing failed; the guarded calls are not affected; told once")


class _Listening:
    """Looks like a provider that is set up, so that no guard takes its hot path."""

    _TRACER_PROVIDER: Final = True


_OFF: Final = Tracing()
_OFF.source = _Listening


class CallSite:
    """What all spans of one guarded function or block have in common."""

    __slots__ = ("_attributes", "_name", "_patched", "_switches", "has_fallback", "is_handed", "tracing")

    def __init__(
        self, tracing: Tracing, name: str, function: str | None, *, patched: bool = False, handed: bool = False
    ) -> None:
        self.tracing = tracing
        self._patched = patched
        self._switches: tuple[Callable[[], None], ...] = ()
        self.has_fallback = function is not None
        """A block cannot be answered for."""
        self.is_handed = handed
        """Whether the guard only calls what it is handed as its first argument."""
        self._name = f"circuit_breaker {name}"
        common: dict[str, AttributeValue] = {names.NAME: name}
        if function is not None:
            common[names.CODE_FUNCTION_NAME] = function
        self._attributes = {state: {**common, names.STATE: state.value} for state in CircuitState}

    @property
    def is_off(self) -> bool:
        """Whether the guard does nothing any more."""
        return False

    def switch_off(self) -> None:
        """Let every call pass from now on as if it were not guarded; for a guard that cannot be taken away."""
        self.__class__ = _SwitchedOff
        self.tracing = _OFF
        for switch in self._switches:
            switch()

    def on_switch_off(self, switch: Callable[[], None]) -> None:
        """Have a part of a guard told that keeps what it needs of this to itself."""
        self._switches += (switch,)

    def stands_aside(self) -> bool:
        """Whether this call must pass as if it were not guarded: telemetry's own, through a patched function."""
        return self._patched and is_suppressed()

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[Notice]) -> CallSpan | None:
        """Start the span of an admitted call and make it current; None when nobody is to be told."""
        try:
            context = otel_context.get_current()
            if is_suppressed(context):
                return None
            attributes, links = self._attributes[permit.state], None
            if permit.state is not CircuitState.CLOSED or not circuit.is_plain:
                attributes = dict(attributes)
                if permit.shadowed:
                    attributes[names.SHADOW_REJECTED] = True
                links = _add_particulars(circuit, attributes)
            call_span = self._start(context, attributes, links, moves)
            call_span.attach()
        except Exception:
            self.tracing.complain()
            return None
        return call_span

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, moves: Sequence[Notice], *, answered: bool
    ) -> CallSpan | None:
        """Start the span of a refused call; None when nobody is to be told.

        Args:
            circuit: what refused it.
            refusal: why.
            moves: what deciding brought about.
            answered: whether a fallback answers; it runs within the span.
        """
        try:
            context = otel_context.get_current()
            if is_suppressed(context):
                return None
            attributes: dict[str, AttributeValue] = {
                **self._attributes[refusal.state],
                names.CALL_OUTCOME: Outcome.REJECTED.value,
            }
            attributes.update(_ANSWERED if answered else _REFUSED)
            if refusal.retry_after is not None:
                attributes[names.RETRY_AFTER] = refusal.retry_after
            call_span = self._start(context, attributes, _add_particulars(circuit, attributes), moves)
            if answered:
                call_span.attach()
            else:
                call_span.is_refusal()
        except Exception:
            self.tracing.complain()
            return None
        return call_span

    def _start(
        self,
        context: Context,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] | None,
        moves: Sequence[Notice],
    ) -> CallSpan:
        span = self.tracing.tracer().start_span(
            self._name, context, kind=SpanKind.INTERNAL, attributes=attributes, links=links
        )
        if moves:
            tell(span, moves)
        return CallSpan(span, context, self.tracing)


class _SwitchedOff(CallSite):
    """A call site whose guard does nothing any more. Another class, so that no call need ask whether it is one."""

    __slots__ = ()

    @property
    def is_off(self) -> bool:
        return True

    def stands_aside(self) -> bool:
        return True

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[Notice]) -> None:
        return None


class CallSpan:
    """The span of one admitted call."""

    __slots__ = ("_attached", "_before", "_is_refusal", "_span", "_tracing")

    def __init__(self, span: Span, before: Context, tracing: Tracing) -> None:
        self._span = span
        self._before = before
        self._tracing = tracing
        self._attached = False
        self._is_refusal = False

    def is_refusal(self) -> None:
        """The span has said at its start that the caller is refused."""
        self._is_refusal = True

    @property
    def origin(self) -> SpanContext | None:
        """What finds the span again; None when it will not be kept."""
        context = self._span.get_span_context()
        return context if context.trace_flags.sampled else None

    def attach(self) -> None:
        """Make the span current, unless it only stands for the one that is: a disabled tracer's would hide it."""
        if self._span.is_recording() or self._stands_for_itself():
            otel_context.attach(trace.set_span_in_context(self._span, self._before))
            self._attached = True

    def _stands_for_itself(self) -> bool:
        parent = trace.get_current_span(self._before)
        return self._span.get_span_context().span_id != parent.get_span_context().span_id

    def detach(self) -> None:
        # No token: a block may be left in another context than it was entered in, where a token is an error.
        if self._attached and trace.get_current_span() is self._span:
            otel_context.attach(self._before)
        self._attached = False

    def finish(
        self, outcome: Outcome, error_type: type[BaseException] | str | None, moves: Sequence[Notice], *, slow: bool
    ) -> None:
        """End the span.

        Args:
            outcome: what became of the call.
            error_type: of the error that the caller sees; None when there is none.
            moves: what the call's result brought about.
            slow: whether it took long.
        """
        try:
            self.detach()
            span = self._span
            if span.is_recording():
                refused = outcome is Outcome.REJECTED
                if not refused:
                    span.set_attributes(_OUTCOMES[outcome])
                if slow:
                    span.set_attribute(names.CALL_SLOW, True)
                if error_type is not None:
                    if not self._is_refusal:
                        span.set_attribute(names.ERROR_TYPE, type_name(error_type))
                    span.set_status(_ERROR)
                if moves:
                    tell(span, moves)
                    _link_to_culprits(span, moves)
            span.end()
        except Exception:
            self._tracing.complain()


def _add_particulars(circuit: Circuit, attributes: dict[str, AttributeValue]) -> Sequence[Link] | None:
    """Say what is not true of every call, and link to the call that last opened the circuit."""
    if circuit.record.key is not None:
        attributes[names.KEY] = circuit.record.key
    if circuit.settings.mode is not Mode.ENFORCE:
        attributes[names.MODE] = circuit.settings.mode.value
    episode = circuit.episode
    if episode is None:
        return None
    attributes[names.EPISODE] = episode.id
    for target, said in ((episode.origin, "opening"), (circuit.record.failure_origin, "last_failure")):
        if isinstance(target, SpanContext):
            attributes[names.LINK] = said
            return (Link(target),)
    return None


def code_name(function: object) -> str:
    """A callable's name as `code.function.name` wants it: fully qualified."""
    while isinstance(function, partial):
        function = function.func
    qualified: str = getattr(function, "__qualname__", type(function).__qualname__)
    module = getattr(function, "__module__", None)
    return f"{module}.{qualified}" if module else qualified


def is_suppressed(context: Context | None = None) -> bool:
    """Whether the current work is telemetry's own, such as an exporter's request."""
    if context is None:
        context = otel_context.get_current()
    return bool(context.get(_SUPPRESSED) or context.get(_SUPPRESSED_BY_HAND))


def tell(span: Span, moves: Sequence[Notice]) -> None:
    """Put moves of the circuit on the span of the call that caused them."""
    for notice in moves:
        change = notice.change
        span.add_event(names.EVENT_STATE_CHANGE, describe(change))
        span.set_attribute(names.STATE_CHANGE_TO, change.to_state.value)
        if change.episode is not None:
            span.set_attribute(names.EPISODE, change.episode)


def _link_to_culprits(span: Span, moves: Sequence[Notice]) -> None:
    """Point at the calls that hung, where this one only noticed; one that noticed at its start does from there."""
    for notice in moves:
        if isinstance(notice.change.culprit, SpanContext):
            span.add_link(notice.change.culprit)
