"""The span of `spans: problems`: started, with its true start time, only when the call turns out to be a problem."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_breaker.core.states import CANCELLED, FAILURE, Outcome
from otel_breaker.telemetry.traces.span import LiveSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.telemetry.traces.tracing import Tracing


class DeferredSpan:
    """A span that is started late or never; it is not attached, so it has no children.

    Args:
        start: starts the span; takes its start time in nanoseconds since the epoch.
        before: the context in which the call began.
        tracing: configures what the span contains.
    """

    def __init__(self, start: Callable[[int], Span], before: Context, tracing: Tracing) -> None:
        self._start = start
        self._start_time = time.time_ns()
        self._before = before
        self._tracing = tracing
        self._span: LiveSpan | None = None

    @property
    def span_context(self) -> SpanContext | None:
        return self._span.span_context if self._span is not None else None

    @property
    def context(self) -> Context:
        return self._span.context if self._span is not None else self._before

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> SpanContext | None:
        """The span context of a call with this outcome; None when it is no problem."""
        span = self._started() if slow or outcome in (FAILURE, CANCELLED) else None
        return span.span_context if span is not None else None

    def attach(self) -> None:
        """Do nothing: it has no children."""

    def detach(self) -> None:
        """Do nothing: it is not attached."""

    suspend, resume = detach, attach

    def succeed(self) -> None:
        """Do nothing: a success that was not slow has no span."""

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, changes: Sequence[PendingChange], *, slow: bool
    ) -> None:
        """See `LiveSpan.finish`."""
        if slow or changes or outcome in (FAILURE, CANCELLED):
            span = self._started()
            if span is not None:
                span.finish(outcome, error, changes, slow=slow)

    def _started(self) -> LiveSpan | None:
        """The span; None when it cannot be started."""
        if self._span is None:
            try:
                self._span = LiveSpan(self._start(self._start_time), self._before, self._tracing)
            except Exception:
                self._tracing.report_fault()
        return self._span
