"""Measures the duration of a call, for the histogram; of a call of several steps, the sum of its steps."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from otel_breaker.core.states import SUCCESS, Outcome
from otel_breaker.telemetry.traces.span import error_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.telemetry.traces.deferred_span import DeferredSpan
    from otel_breaker.telemetry.traces.durations import Durations
    from otel_breaker.telemetry.traces.span import LiveSpan
    from otel_breaker.telemetry.traces.tracing import Tracing


class TimedSpan:
    """Measures a call and passes everything on to its span.

    Args:
        span: the span of the call, if it has one.
        name: the breaker's.
        durations: records the seconds.
        before: the context in which the call began.
        tracing: reports faults.
    """

    def __init__(
        self, span: LiveSpan | DeferredSpan | None, name: str, durations: Durations, before: Context, tracing: Tracing
    ) -> None:
        self._span = span
        self._name = name
        self._durations = durations
        self._before = before
        self._tracing = tracing
        self._seconds = 0.0
        self._since: float | None = perf_counter()

    @property
    def span_context(self) -> SpanContext | None:
        return self._span.span_context if self._span is not None else None

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> SpanContext | None:
        return self._span.span_context_for(outcome, slow=slow) if self._span is not None else None

    def attach(self) -> None:
        if self._span is not None:
            self._span.attach()

    def detach(self) -> None:
        """Detach the span; the call goes on, because its caller has yet to await its coroutine."""
        if self._span is not None:
            self._span.detach()

    def resume(self) -> None:
        """Begin a step."""
        if self._since is None:
            self._since = perf_counter()
        self.attach()

    def suspend(self) -> None:
        """End a step."""
        if self._since is not None:
            self._seconds += perf_counter() - self._since
            self._since = None
        self.detach()

    def succeed(self) -> None:
        """See `LiveSpan.succeed`."""
        self.suspend()
        if self._span is not None:
            self._span.succeed()
        self._record(SUCCESS, None)

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, changes: Sequence[PendingChange], *, slow: bool
    ) -> None:
        """See `LiveSpan.finish`."""
        self.suspend()
        if self._span is not None:
            self._span.finish(outcome, error, changes, slow=slow)
        self._record(outcome, error)

    def _record(self, outcome: Outcome, error: BaseException | str | None) -> None:
        try:
            shown = None if error is None else error_type(error)
            context = self._span.context if self._span is not None else self._before
            self._durations.record(self._seconds, self._name, outcome, shown, context)
        except Exception:
            self._tracing.report_fault()
