"""The span of one call, from its start to its end."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, Status, StatusCode

from otel_breaker.core.states import REJECTED, SUCCESS, Outcome
from otel_breaker.telemetry import names
from otel_breaker.telemetry.traces.attributes import link_to_culprits, tell_moves
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.telemetry.traces.tracing import Tracing

_ERROR: Final = Status(StatusCode.ERROR)
_SUCCEEDED: Final = SUCCESS.value


class LiveSpan:
    """One span.

    Args:
        span: was just started.
        before: the context in which it was.
        tracing: says what it tells.
        told: whether it has said at its start that, and with what, the caller is refused.
    """

    __slots__ = ("_before", "_is_attached", "_is_recording", "_span", "_told", "_tracing", "_within")

    def __init__(self, span: Span, before: Context, tracing: Tracing, error_is_shown: bool = False) -> None:  # noqa: FBT002  # keywords cost
        self._span = span
        self._before = before
        self._tracing = tracing
        self._told = error_is_shown
        self._is_recording = span.is_recording()
        self._is_attached = False
        self._within: Context | None = None
        """The context in which it is the current one, once it was."""

    @property
    def span_context(self) -> SpanContext | None:
        """What finds the span again; None when it will not be kept."""
        try:
            context = self._span.get_span_context()
            return context if context.trace_flags.sampled else None
        except Exception:
            self._tracing.report_fault()
            return None

    @property
    def context(self) -> Context:
        """The context for what is measured of the call."""
        return self._within or trace.set_span_in_context(self._span, self._before)

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> SpanContext | None:
        """What finds the span of a call that ended so."""
        return self.span_context

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
            self._tracing.report_fault()

    def _stands_for_the_current_one(self) -> bool:
        parent = trace.get_current_span(self._before)
        return self._span.get_span_context().span_id == parent.get_span_context().span_id

    def detach(self) -> None:
        """Make whatever was current before it current again, if nobody else has."""
        if self._is_attached:
            self._is_attached = False
            # No token: a block may be left in another context than it was entered in, where a token is an error.
            current = otel_context.get_current()
            if current is self._within or trace.get_current_span(current) is self._span:
                otel_context.attach(self._before)

    suspend, resume = detach, attach
    """Of a call of several steps: its consumer's code runs, and its own again."""

    def succeed(self) -> None:
        """End the span of a call that went well, was not slow and moved nothing."""
        try:
            self.detach()
            if self._is_recording:
                self._span.set_attribute(names.CALL_OUTCOME, _SUCCEEDED)
            self._end()
        except Exception:
            self._tracing.report_fault()

    def _end(self) -> None:
        tracing = self._tracing
        try:
            tracing.at_work = get_ident()
            self._span.end()
        finally:
            tracing.at_work = 0

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, moves: Sequence[PendingChange], *, slow: bool
    ) -> None:
        """End the span.

        Args:
            outcome: what became of the call.
            error: what the caller sees, or what a block called its failure; None when there is none.
            moves: what the call's result brought about.
            slow: whether it took long.
        """
        try:
            self.detach()
            try:
                if self._is_recording:
                    self._say(outcome, error, moves, slow=slow)
            finally:
                self._end()
        except Exception:
            self._tracing.report_fault()

    def _say(
        self, outcome: Outcome, error: BaseException | str | None, moves: Sequence[PendingChange], *, slow: bool
    ) -> None:
        span, tracing = self._span, self._tracing
        if outcome is not REJECTED:  # what was refused said so at its start
            span.set_attribute(names.CALL_OUTCOME, outcome.value)
        if slow:
            span.set_attribute(names.CALL_SLOW, True)
        if error is not None:
            span.set_status(_ERROR)
            if not self._told:
                span.set_attribute(names.ERROR_TYPE, error_type(error))
        if moves:
            tell_moves(span, moves, as_events=tracing.adds_span_events)
            link_to_culprits(span, moves)
        if tracing.records_exceptions and isinstance(error, BaseException) and not self._told:
            self._record(error)

    def _record(self, error: BaseException) -> None:
        try:
            self._span.record_exception(error)
        except Exception:  # the error's own text may be what raises
            self._tracing.report_fault()


def error_type(error: BaseException | str) -> str:
    """What `error.type` says of it."""
    return error if type(error) is str else type_name(type(error))  # an exception may lie about its class
