"""The span of a guarded call: what it says at its start and at its end, and what it links to.

A span is started after the decision, so that samplers see it. It becomes the current one only if that changes
anything. Whatever the SDK, a processor or a sampler raises is logged, once, and stops here. A processor that exports
within the call, as the simple one does, holds that call up, and no other: no lock is held meanwhile.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from otel_breaker.complaints import complain
from otel_breaker.core.states import CLOSED, REJECTED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError, type_name
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names
from otel_breaker.telemetry.changes import describe
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import Notice
    from otel_breaker.core.permits import Permit

_INTERNAL: Final = SpanKind.INTERNAL
_ERROR: Final = Status(StatusCode.ERROR)
_SUCCEEDED: Final = SUCCESS.value
_REFUSED: Final = {names.CALL_OUTCOME: REJECTED.value}
_RAISED: Final = {names.ERROR_TYPE: type_name(CircuitOpenError)}
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
            complain("tracing failed; the guarded calls are not affected; told once")


class CallSite:
    """What all spans of one guarded function or block have in common."""

    __slots__ = ("_closed", "_common", "_last_refusal", "_name", "_patched", "has_fallback", "is_handed", "tracing")

    def __init__(
        self, tracing: Tracing, name: str, function: str | None, *, patched: bool = False, handed: bool = False
    ) -> None:
        self.tracing = tracing
        self._patched = patched
        self.has_fallback = function is not None
        """A block cannot be answered for."""
        self.is_handed = handed
        """Whether the guard only calls what it is handed as its first argument."""
        self._name = f"circuit_breaker {name}"
        self._common: dict[str, AttributeValue] = {names.NAME: name}
        if function is not None:
            self._common[names.CODE_FUNCTION_NAME] = function
        self._closed: dict[str, AttributeValue] = {**self._common, names.STATE: CLOSED.value}
        self._last_refusal: _Refusal | None = None

    def stands_aside(self) -> bool:
        """Whether this call must pass as if it were not guarded: telemetry's own, through a patched function."""
        return self._patched and is_suppressed()

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[Notice]) -> CallSpan | None:
        """Start the span of an admitted call and make it current; None when nobody is to be told."""
        try:
            context = otel_context.get_current()
            if is_suppressed(context):
                return None
            attributes, links = self._closed, None
            if not circuit.is_plain or permit.state is not CLOSED:
                attributes = {**self._common, names.STATE: permit.state.value}
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
            attributes, links = self._describe(circuit, refusal, answered=answered)
            call_span = self._start(context, attributes, links, moves)
            if answered:
                call_span.attach()
            else:
                call_span.is_refusal()
        except Exception:
            self.tracing.complain()
            return None
        return call_span

    def _describe(
        self, circuit: Circuit, refusal: CircuitOpenError, *, answered: bool
    ) -> tuple[dict[str, AttributeValue], Sequence[Link] | None]:
        """The attributes and links of a refusal: those of the one before, while they come in thousands."""
        episode, state, retry_after = circuit.episode, refusal.state, refusal.retry_after
        same = (episode, episode and episode.origin, circuit.record.failure_origin, state, answered)
        last = self._last_refusal
        if last is None or last.same != same or episode is None:
            attributes: dict[str, AttributeValue] = {**self._common, names.STATE: state.value, **_REFUSED}
            attributes.update(_ANSWERED if answered else _RAISED)
            last = self._last_refusal = _Refusal(same, attributes, _add_particulars(circuit, attributes))
        attributes = last.attributes
        if retry_after is not None:
            attributes = {**attributes, names.RETRY_AFTER: retry_after}
        return attributes, last.links

    def _start(
        self,
        context: Context,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] | None,
        moves: Sequence[Notice],
    ) -> CallSpan:
        span = self.tracing.tracer().start_span(self._name, context, _INTERNAL, attributes, links)
        if moves:
            tell(span, moves)
        return CallSpan(span, context, self.tracing)


class _Refusal(NamedTuple):
    """What the span of a refused call says, and of which refusals it is true."""

    same: tuple[object, ...]
    attributes: dict[str, AttributeValue]
    links: Sequence[Link] | None


class CallSpan:
    """The span of one admitted call."""

    _is_attached = False
    _is_refusal = False
    _within: Context | None = None
    """The context in which it is the current one, once it was."""

    def __init__(self, span: Span, before: Context, tracing: Tracing) -> None:
        self._span = span
        self._before = before
        self._tracing = tracing
        self._is_recording = span.is_recording()

    def is_refusal(self) -> None:
        """The span has said at its start that the caller is refused."""
        self._is_refusal = True

    @property
    def origin(self) -> SpanContext | None:
        """What finds the span again; None when it will not be kept."""
        try:
            context = self._span.get_span_context()
            return context if context.trace_flags.sampled else None
        except Exception:
            self._tracing.complain()
            return None

    def attach(self) -> None:
        """Make the span current, unless it only stands for the one that is: a disabled tracer's would hide it."""
        try:
            if self._within is None:
                if not self._is_recording and self._stands_for_the_current_one():
                    return
                self._within = trace.set_span_in_context(self._span, self._before)
            otel_context.attach(self._within)
            self._is_attached = True
        except Exception:
            self._tracing.complain()

    def _stands_for_the_current_one(self) -> bool:
        parent = trace.get_current_span(self._before)
        return self._span.get_span_context().span_id == parent.get_span_context().span_id

    def detach(self) -> None:
        if self._is_attached:
            self._is_attached = False
            # No token: a block may be left in another context than it was entered in, where a token is an error.
            current = otel_context.get_current()
            if current is self._within or trace.get_current_span(current) is self._span:
                otel_context.attach(self._before)

    def succeed(self) -> None:
        """End the span of a call that went well, was not slow and moved nothing."""
        try:
            self.detach()
            if self._is_recording:
                self._span.set_attribute(names.CALL_OUTCOME, _SUCCEEDED)
            self._span.end()
        except Exception:
            self._tracing.complain()

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
            if self._is_recording:
                self._say(outcome, error_type, moves, slow=slow)
            self._span.end()
        except Exception:
            self._tracing.complain()

    def _say(
        self, outcome: Outcome, error_type: type[BaseException] | str | None, moves: Sequence[Notice], *, slow: bool
    ) -> None:
        span = self._span
        if outcome is not REJECTED:
            span.set_attribute(names.CALL_OUTCOME, outcome.value)
        if slow:
            span.set_attribute(names.CALL_SLOW, True)
        if error_type is not None:
            if not self._is_refusal:
                span.set_attribute(names.ERROR_TYPE, type_name(error_type))
            span.set_status(_ERROR)
        if moves:
            tell(span, moves)
            _link_to_culprits(span, moves)


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
