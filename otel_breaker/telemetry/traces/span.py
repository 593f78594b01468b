"""The span of one call, from its start to its end."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Span, SpanContext, Status, StatusCode, get_current_span, set_span_in_context

from otel_breaker.core.states import REJECTED, SUCCESS, Outcome
from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import attach, get_current
from otel_breaker.telemetry.traces.span_attributes import add_state_changes, link_to_overdue_calls
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.telemetry.traces.tracing import Tracing

_ERROR: Final = Status(StatusCode.ERROR)
_CALL_OUTCOME: Final = names.CALL_OUTCOME
_SUCCEEDED: Final = SUCCESS.value


class LiveSpan:
    """One span.

    Args:
        span: was just started.
        before: the context in which it was started.
        tracing: configures what it contains.
        error_is_shown: whether its attributes contain the error type from its start, as those of a refusal do.
    """

    __slots__ = ("_before", "_error_is_shown", "_is_attached", "_is_recording", "_span", "_tracing", "_within")

    def __init__(self, span: Span, before: Context, tracing: Tracing, error_is_shown: bool = False) -> None:  # noqa: FBT002  # keywords cost
        self._span = span
        self._before = before
        self._tracing = tracing
        self._error_is_shown = error_is_shown
        self._is_recording = span.is_recording()
        self._is_attached = False
        self._within: Context | None = None
        """The context in which it is current, once it has been attached."""

    @property
    def span_context(self) -> SpanContext | None:
        """The span context; None when the span is not sampled."""
        try:
            context = self._span.get_span_context()
            return context if context.trace_flags.sampled else None
        except Exception:
            self._tracing.report_fault()
            return None

    @property
    def context(self) -> Context:
        """The context for measurements of the call."""
        return self._within or set_span_in_context(self._span, self._before)

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> SpanContext | None:
        """The span context of a call with this outcome."""
        return self.span_context

    def attach(self) -> None:
        """Make the span current, unless a disabled tracer has returned the current span: its wrapper would hide it."""
        try:
            if self._within is None:
                if not self._is_recording and self._is_the_current_span():
                    return
                self._within = set_span_in_context(self._span, self._before)
            attach(self._within)
            self._is_attached = True
        except Exception:
            self._tracing.report_fault()

    def _is_the_current_span(self) -> bool:
        parent = get_current_span(self._before)
        return self._span.get_span_context().span_id == parent.get_span_context().span_id

    def detach(self) -> None:
        """Make the span before it current again, unless that has happened already."""
        if self._is_attached:
            self._is_attached = False
            # Without a token, which is an error where a block is left in another context than it was entered in.
            current = get_current()
            if current is self._within or get_current_span(current) is self._span:
                attach(self._before)

    suspend, resume = detach, attach
    """A call of several steps waits for its consumer, and goes on."""

    def succeed(self) -> None:
        """End the span of a success that was not slow and caused no state change."""
        tracing, span = self._tracing, self._span
        try:
            if self._is_attached:  # `detach`, written out
                self._is_attached = False
                current = get_current()
                if current is self._within or get_current_span(current) is span:
                    attach(self._before)
            if self._is_recording:
                span.set_attribute(_CALL_OUTCOME, _SUCCEEDED)
            try:  # `_end`, written out
                tracing.busy_thread = get_ident()
                span.end()
            finally:
                tracing.busy_thread = 0
        except Exception:
            tracing.report_fault()

    def _end(self) -> None:
        tracing = self._tracing
        try:
            tracing.busy_thread = get_ident()
            self._span.end()
        finally:
            tracing.busy_thread = 0

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, changes: Sequence[PendingChange], *, slow: bool
    ) -> None:
        """End the span.

        Args:
            outcome: the outcome of the call.
            error: the exception that the caller sees, or the name of a failure that is none.
            changes: the state changes that the outcome caused.
            slow: whether the call was slow.
        """
        try:
            self.detach()
            try:
                if self._is_recording:
                    self._set_attributes(outcome, error, changes, slow=slow)
            finally:
                self._end()
        except Exception:
            self._tracing.report_fault()

    def _set_attributes(
        self, outcome: Outcome, error: BaseException | str | None, changes: Sequence[PendingChange], *, slow: bool
    ) -> None:
        span, tracing = self._span, self._tracing
        if outcome is not REJECTED:  # a refusal has it from the start
            span.set_attribute(_CALL_OUTCOME, outcome._value_)
        if slow:
            span.set_attribute(names.CALL_SLOW, True)
        if error is not None:
            span.set_status(_ERROR)
            if not self._error_is_shown:
                span.set_attribute(names.ERROR_TYPE, error_type(error))
        if changes:
            add_state_changes(span, changes, as_events=tracing.adds_span_events)
            link_to_overdue_calls(span, changes)
        if tracing.records_exceptions and isinstance(error, BaseException) and not self._error_is_shown:
            self._record_exception(error)

    def _record_exception(self, error: BaseException) -> None:
        try:
            self._span.record_exception(error)
        except Exception:  # the text of the exception is user code, too
            self._tracing.report_fault()


def error_type(error: BaseException | str) -> str:
    """The value of `error.type`."""
    return error if type(error) is str else type_name(type(error))  # `__class__` of an exception may be another
