"""What breakers need of tracing: the tracer of a guarded function, and the span context of the caller.

Spans are started by guards, not here.
"""

from __future__ import annotations

from typing import Final

from opentelemetry import trace

from otel_breaker.telemetry.traces import TRACING, OtelCallTracer, code_name
from otel_breaker.text import clean

_TRACING: Final = TRACING


def function_tracer(
    breaker: str, function: object, *, name: str | None = None, patched: bool = False, trampoline: bool = False
) -> OtelCallTracer:
    """The tracer of a guarded function.

    Args:
        breaker: the breaker's name.
        function: what is guarded.
        name: the function's name in spans, when it is not its own.
        patched: whether the guard replaces a function whose callers do not know of it.
        trampoline: whether the function only calls its first argument.
    """
    return OtelCallTracer(_TRACING, breaker, clean(name or code_name(function)), patched=patched, trampoline=trampoline)


def block_tracer(breaker: str) -> OtelCallTracer:
    """The tracer of the guarded blocks of a breaker of that name."""
    return OtelCallTracer(_TRACING, breaker, None)


def current_span_context() -> trace.SpanContext | None:
    """The context of the current span, when it is sampled."""
    try:
        context = trace.get_current_span().get_span_context()
        return context if context.trace_flags.sampled else None
    except Exception:  # the span may be of any library
        _TRACING.report_fault()
        return None
