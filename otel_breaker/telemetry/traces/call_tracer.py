"""Starts spans: what those of one guarded function or block have in common, and which adapter a call gets."""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Final, TypeAlias

from opentelemetry.trace import Link, Span, SpanKind, Tracer

from otel_breaker.core.states import CLOSED, HALF_OPEN, REJECTED
from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import get_current
from otel_breaker.telemetry.traces.deferred_span import DeferredSpan
from otel_breaker.telemetry.traces.span import LiveSpan
from otel_breaker.telemetry.traces.span_attributes import add_circuit_attributes, add_state_changes
from otel_breaker.telemetry.traces.timed_span import TimedSpan
from otel_breaker.telemetry.traces.tracing import SWITCHED_OFF, ActiveFlag, Tracing, is_suppressed
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.errors import CircuitOpenError

AnySpan: TypeAlias = LiveSpan | DeferredSpan | TimedSpan

_MOST_KEYS: Final = 1_000
_INTERNAL: Final = SpanKind.INTERNAL
_REFUSED: Final = {names.CALL_OUTCOME: REJECTED.value}
_ANSWERED: Final = {names.FALLBACK_USED: True}


class OtelCallTracer(ActiveFlag):
    """Starts the spans of one guarded function, or of the blocks of one breaker.

    Args:
        tracing: where spans go.
        name: the breaker's.
        function: the name of the function; None for blocks.
        patched: whether the guard replaces a function whose callers do not know it.
        trampoline: whether the guard's function calls its first argument.
    """

    __slots__ = (
        "_breaker",
        "_closed",
        "_common",
        "_last_refusal",
        "_name",
        "_patched",
        "_with_key",
        "has_fallback",
        "is_trampoline",
    )

    def __init__(
        self, tracing: Tracing, name: str, function: str | None, *, patched: bool = False, trampoline: bool = False
    ) -> None:
        super().__init__(tracing)
        self._patched = patched
        self.has_fallback = function is not None
        """Whether a fallback may answer; none can answer a block."""
        self.is_trampoline = trampoline
        self._breaker = name
        self._name = f"circuit_breaker {name}"
        self._common: dict[str, AttributeValue] = {names.NAME: name}
        if function is not None:
            self._common[names.CODE_FUNCTION_NAME] = function
        self._closed: dict[str, AttributeValue] = {**self._common, names.STATE: CLOSED.value}
        self._with_key: dict[str, dict[str, AttributeValue]] = {}
        """Those of closed calls by their key: to make them at each call takes as long as to choose the circuit."""
        self._last_refusal: _Refusal | None = None

    @property
    def is_off(self) -> bool:
        """Whether the guard passes every call through."""
        return self.tracing is SWITCHED_OFF

    def switch_off(self) -> None:
        """Pass every call through from now on; for a guard that cannot be removed."""
        self.tracing = SWITCHED_OFF

    def passes_through(self) -> bool:
        """Whether this call passes unguarded: one of telemetry's own, through a patched function."""
        return self.is_off or (self._patched and is_suppressed())

    def start(self, circuit: Circuit, permit: Permit, changes: Sequence[PendingChange]) -> AnySpan | None:
        """Start the span of an admitted call and attach it; None when the call is not traced."""
        tracing = self.tracing
        try:
            context = get_current()
            if context and is_suppressed(context):
                return None
            if tracing is SWITCHED_OFF or (tracing.busy_thread and tracing.is_busy_here):
                return None
            attributes, links = self._closed, None
            if circuit.is_enforced and permit.state is CLOSED:
                key = circuit.history.key
                if key is not None:
                    attributes = self._with_key.get(key) or self._add_key(key)
            else:
                attributes = {**self._common, names.STATE: permit.state._value_}
                if permit.shadowed is not None:
                    attributes[names.SHADOW_REJECTED] = True
                    attributes[names.REJECTION_REASON] = permit.shadowed.value
                links = add_circuit_attributes(circuit, attributes)
            tracer = tracing.tracer()
            span: LiveSpan | DeferredSpan | None = None
            if tracer is None:
                pass
            elif tracing.is_deferred and not (changes or permit.state is HALF_OPEN or permit.shadowed is not None):
                span = DeferredSpan(partial(self._start, tracer, context, attributes, links), context, tracing)
            else:
                try:  # `_start`, written out
                    tracing.busy_thread = get_ident()
                    started = tracer.start_span(self._name, context, _INTERNAL, attributes, links)
                finally:
                    tracing.busy_thread = 0
                if changes:
                    add_state_changes(started, changes, as_events=tracing.adds_span_events)
                span = LiveSpan(started, context, tracing)
                span.attach()
        except Exception:
            tracing.report_fault()
            return None
        return span if tracing.durations is None else self._timed(span, context)

    def _add_key(self, key: str) -> dict[str, AttributeValue]:
        """The attributes of a closed call with a key; they are kept for a number of keys."""
        if len(self._with_key) >= _MOST_KEYS:
            self._with_key.clear()
        attributes = self._with_key[key] = {**self._closed, names.KEY: key}
        return attributes

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, changes: Sequence[PendingChange], *, answered: bool
    ) -> AnySpan | None:
        """Start the span of a refused call; None when the call is not traced.

        Args:
            circuit: refused it.
            refusal: the reason.
            changes: the state changes that the decision caused.
            answered: whether a fallback answers; it runs within the span.
        """
        try:
            context = get_current()
            if is_suppressed(context) or self.tracing.is_busy_here:
                return None
            tracer, span = self.tracing.tracer(), None
            if tracer is not None and (changes or self._is_within_limit(circuit)):
                attributes, links = self._describe(circuit, refusal, answered=answered)
                started = self._start(tracer, context, attributes, links)
                if changes:
                    add_state_changes(started, changes, as_events=self.tracing.adds_span_events)
                span = LiveSpan(started, context, self.tracing, not answered)
                if answered:
                    span.attach()
        except Exception:
            self.tracing.report_fault()
            return None
        return span if self.tracing.durations is None else self._timed(span, context)

    def _is_within_limit(self, circuit: Circuit) -> bool:
        """Count a refused call; whether it may have a span in this second."""
        limit, episode = self.tracing.rejected_span_limit, circuit.episode
        if limit is None or episode is None:
            return True
        second = int(circuit.now())
        if episode.rejected_spans_second != second:
            episode.rejected_spans_second, episode.rejected_spans = second, 0
        episode.rejected_spans += 1
        return episode.rejected_spans <= limit

    def _describe(
        self, circuit: Circuit, refusal: CircuitOpenError, *, answered: bool
    ) -> tuple[dict[str, AttributeValue], Sequence[Link] | None]:
        """The attributes and links of a refusal; those of the last one are used again while nothing has changed."""
        state: str = refusal.args[2]  # text there
        episode, retry_after = circuit.episode, refusal.retry_after
        kind, opening = type(refusal), episode and episode.span_context
        same = (episode, opening, circuit.history.failure_span_context, state, kind, answered)
        last = self._last_refusal
        if last is None or last.same != same or episode is None:
            attributes: dict[str, AttributeValue] = {**self._common, names.STATE: state, **_REFUSED}
            attributes[names.REJECTION_REASON] = refusal.rejection_reason.value
            attributes.update(_ANSWERED if answered else {names.ERROR_TYPE: type_name(kind)})
            links = add_circuit_attributes(circuit, attributes)
            if refusal.episode is not None:  # the circuit may have left the episode since
                attributes[names.EPISODE] = refusal.episode
            last = self._last_refusal = _Refusal(same, attributes, links)
        attributes = last.attributes
        if retry_after is not None:
            attributes = {**attributes, names.RETRY_AFTER: retry_after}
        return attributes, last.links

    def _start(
        self,
        tracer: Tracer,
        context: Context,
        attributes: dict[str, AttributeValue],
        links: Sequence[Link] | None,
        start_time: int | None = None,
    ) -> Span:
        tracing = self.tracing
        try:
            tracing.busy_thread = get_ident()
            return tracer.start_span(self._name, context, _INTERNAL, attributes, links, start_time)
        finally:
            tracing.busy_thread = 0

    def _timed(self, span: LiveSpan | DeferredSpan | None, context: Context) -> AnySpan | None:
        durations = self.tracing.durations
        return span if durations is None else TimedSpan(span, self._breaker, durations, context, self.tracing)


class _Refusal:
    """The attributes and links of a refused call, and what they depend on."""

    __slots__ = ("attributes", "links", "same")

    def __init__(
        self, same: tuple[object, ...], attributes: dict[str, AttributeValue], links: Sequence[Link] | None
    ) -> None:
        self.same = same
        self.attributes = attributes
        self.links = links


def code_name(function: object) -> str:
    """The fully qualified name of a callable, for `code.function.name`."""
    while isinstance(function, partial):
        function = function.func
    qualified: str = getattr(function, "__qualname__", type(function).__qualname__)
    module = getattr(function, "__module__", None)
    return f"{module}.{qualified}" if module else qualified
