"""Where spans begin: what those of one guarded function or block have in common, and which kind of span a call gets."""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from opentelemetry import context as otel_context
from opentelemetry.trace import Link, Span, SpanKind, Tracer

from otel_breaker.core.states import CLOSED, HALF_OPEN, REJECTED
from otel_breaker.errors import CircuitOpenError
from otel_breaker.telemetry import names
from otel_breaker.telemetry.traces.attributes import add_particulars, tell_moves
from otel_breaker.telemetry.traces.deferred_span import DeferredSpan
from otel_breaker.telemetry.traces.span import LiveSpan
from otel_breaker.telemetry.traces.timed_span import TimedSpan
from otel_breaker.telemetry.traces.tracing import SWITCHED_OFF, Tracing, is_suppressed
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit

AnySpan: TypeAlias = LiveSpan | DeferredSpan | TimedSpan

_INTERNAL: Final = SpanKind.INTERNAL
_REFUSED: Final = {names.CALL_OUTCOME: REJECTED.value}
_RAISED: Final = {names.ERROR_TYPE: type_name(CircuitOpenError)}
_ANSWERED: Final = {names.FALLBACK_USED: True}


class OtelCallTracer:
    """One guarded function, or the blocks of one breaker.

    Args:
        tracing: where spans go.
        name: the breaker's.
        function: the name of the function; None for blocks.
        patched: it stands in for a function whose callers know nothing of it.
        handed: the guard only calls what it is handed as its first argument.
    """

    __slots__ = (
        "_breaker",
        "_closed",
        "_common",
        "_last_refusal",
        "_name",
        "_patched",
        "has_fallback",
        "is_trampoline",
        "tracing",
    )

    def __init__(
        self, tracing: Tracing, name: str, function: str | None, *, patched: bool = False, trampoline: bool = False
    ) -> None:
        self.tracing = tracing
        self._patched = patched
        self.has_fallback = function is not None
        """A block cannot be answered for."""
        self.is_trampoline = trampoline
        self._breaker = name
        self._name = f"circuit_breaker {name}"
        self._common: dict[str, AttributeValue] = {names.NAME: name}
        if function is not None:
            self._common[names.CODE_FUNCTION_NAME] = function
        self._closed: dict[str, AttributeValue] = {**self._common, names.STATE: CLOSED.value}
        self._last_refusal: _Refusal | None = None

    @property
    def is_off(self) -> bool:
        """Whether the guard does nothing any more."""
        return self.tracing is SWITCHED_OFF

    def switch_off(self) -> None:
        """Let every call pass from now on as if it were not guarded; for a guard that cannot be taken away."""
        self.tracing = SWITCHED_OFF

    def passes_through(self) -> bool:
        """Whether this call must pass as if it were not guarded: telemetry's own, through a patched function."""
        return self.is_off or (self._patched and is_suppressed())

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[PendingChange]) -> AnySpan | None:
        """Start the span of an admitted call and make it current; None when nobody is to be told."""
        try:
            context = otel_context.get_current()
            tracing = self.tracing
            if context and is_suppressed(context):
                return None
            if tracing is SWITCHED_OFF or (tracing.at_work and tracing.is_at_work_here):
                return None
            attributes, links = self._closed, None
            if not circuit.shows_state_only or permit.state is not CLOSED:
                attributes = {**self._common, names.STATE: permit.state.value}
                if permit.shadowed:
                    attributes[names.SHADOW_REJECTED] = True
                links = add_particulars(circuit, attributes)
            tracer = self.tracing.tracer()
            span: LiveSpan | DeferredSpan | None = None
            if tracer is None:
                pass
            elif self.tracing.is_deferred and not (moves or permit.state is HALF_OPEN or permit.shadowed):
                span = DeferredSpan(partial(self._start_at, tracer, context, attributes, links), context, self.tracing)
            else:
                span = self._started(tracer, context, attributes, links, moves)
                span.attach()
        except Exception:
            self.tracing.report_fault()
            return None
        return span if self.tracing.durations is None else self._measured(span, context)

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, moves: Sequence[PendingChange], *, answered: bool
    ) -> AnySpan | None:
        """Start the span of a refused call; None when nobody is to be told.

        Args:
            circuit: what refused it.
            refusal: why.
            moves: what deciding brought about.
            answered: whether a fallback answers; it runs within the span.
        """
        try:
            context = otel_context.get_current()
            if is_suppressed(context) or self.tracing.is_at_work_here:
                return None
            tracer, span = self.tracing.tracer(), None
            if tracer is not None and (moves or self._may_tell(circuit)):
                attributes, links = self._describe(circuit, refusal, answered=answered)
                span = self._started(tracer, context, attributes, links, moves, told=not answered)
                if answered:
                    span.attach()
        except Exception:
            self.tracing.report_fault()
            return None
        return span if self.tracing.durations is None else self._measured(span, context)

    def _may_tell(self, circuit: Circuit) -> bool:
        """Whether another refused call may have a span in this second."""
        limit, episode = self.tracing.rejected_span_limit, circuit.episode
        if limit is None or episode is None:
            return True
        second = int(circuit.now())
        if episode.second != second:
            episode.second, episode.told = second, 0
        episode.told += 1
        return episode.told <= limit

    def _describe(
        self, circuit: Circuit, refusal: CircuitOpenError, *, answered: bool
    ) -> tuple[dict[str, AttributeValue], Sequence[Link] | None]:
        """The attributes and links of a refusal: those of the one before, while they come in thousands."""
        state: str = refusal.args[2]  # as it is there: text
        episode, retry_after = circuit.episode, refusal.retry_after
        same = (episode, episode and episode.span_context, circuit.history.failure_span_context, state, answered)
        last = self._last_refusal
        if last is None or last.same != same or episode is None:
            attributes: dict[str, AttributeValue] = {**self._common, names.STATE: state, **_REFUSED}
            attributes.update(_ANSWERED if answered else _RAISED)
            links = add_particulars(circuit, attributes)
            if refusal.episode is not None:  # the circuit may have moved on since
                attributes[names.EPISODE] = refusal.episode
            last = self._last_refusal = _Refusal(same, attributes, links)
        attributes = last.attributes
        if retry_after is not None:
            attributes = {**attributes, names.RETRY_AFTER: retry_after}
        return attributes, last.links

    def _started(
        self,
        tracer: Tracer,
        context: Context,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] | None,
        moves: Sequence[PendingChange],
        told: bool = False,  # noqa: FBT002  # keywords cost
    ) -> LiveSpan:
        tracing = self.tracing
        try:
            tracing.at_work = get_ident()
            span = tracer.start_span(self._name, context, _INTERNAL, attributes, links)
        finally:
            tracing.at_work = 0
        if moves:
            tell_moves(span, moves, as_events=self.tracing.adds_span_events)
        return LiveSpan(span, context, self.tracing, told)

    def _start_at(
        self,
        tracer: Tracer,
        context: Context,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] | None,
        started: int,
    ) -> Span:
        tracing = self.tracing
        try:
            tracing.at_work = get_ident()
            return tracer.start_span(self._name, context, _INTERNAL, attributes, links, started)
        finally:
            tracing.at_work = 0

    def _measured(self, span: LiveSpan | DeferredSpan | None, context: Context) -> AnySpan | None:
        durations = self.tracing.durations
        return span if durations is None else TimedSpan(span, self._breaker, durations, context, self.tracing)


class _Refusal(NamedTuple):
    """What the span of a refused call says, and of which refusals it is true."""

    same: tuple[object, ...]
    attributes: dict[str, AttributeValue]
    links: Sequence[Link] | None


def code_name(function: object) -> str:
    """A callable's name as `code.function.name` wants it: fully qualified."""
    while isinstance(function, partial):
        function = function.func
    qualified: str = getattr(function, "__qualname__", type(function).__qualname__)
    module = getattr(function, "__module__", None)
    return f"{module}.{qualified}" if module else qualified
