"""The span of a call that may turn out to be a problem: made when it does, with its true start."""

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
    """A span that may come to be; it is never the current one, and has no children.

    Args:
        start: makes the span, given its start in nanoseconds since the epoch.
        before: the context in which the call began.
        tracing: says what spans tell.
    """

    def __init__(self, start: Callable[[int], Span], before: Context, tracing: Tracing) -> None:
        self._start = start
        self._started = time.time_ns()
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
        """What finds the span of a call that ended so; None where that is no problem."""
        span = self._made() if slow or outcome in (FAILURE, CANCELLED) else None
        return span.span_context if span is not None else None

    def attach(self) -> None:
        """Nothing hangs under it."""

    def detach(self) -> None:
        """It was not attached."""

    suspend, resume = detach, attach

    def succeed(self) -> None:
        """A call that went well is not told."""

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, moves: Sequence[PendingChange], *, slow: bool
    ) -> None:
        """See `LiveSpan.finish`."""
        if slow or moves or outcome in (FAILURE, CANCELLED):
            span = self._made()
            if span is not None:
                span.finish(outcome, error, moves, slow=slow)

    def _made(self) -> LiveSpan | None:
        """The span; None when it cannot be made."""
        if self._span is None:
            try:
                self._span = LiveSpan(self._start(self._started), self._before, self._tracing)
            except Exception:
                self._tracing.report_fault()
        return self._span
