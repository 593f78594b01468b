"""The spans of guarded calls: their attributes, links and events, and the histogram of durations.

A span is started after the decision of the circuit, so that samplers see its attributes, and attached to the context
only where it changes the current span. Exceptions of the SDK, of a processor or of a sampler are logged once and reach
no caller; a processor that hangs delays the caller only if it does its work within the call, as the simple span
processor does and the batch span processor does not.

`tracing` knows where spans go, `call_tracer` starts them, `span` is the usual adapter, `deferred_span` that of
`spans: problems`, `timed_span` measures durations, and `attributes` has what several of them set.
"""

from typing import TYPE_CHECKING

from otel_breaker.lazy_names import import_when_asked

if TYPE_CHECKING:
    from otel_breaker.telemetry.traces.call_tracer import OtelCallTracer, code_name
    from otel_breaker.telemetry.traces.durations import Durations
    from otel_breaker.telemetry.traces.tracing import TRACING, Tracing

__all__ = ["TRACING", "Durations", "OtelCallTracer", "Tracing", "code_name"]

import_when_asked(
    globals(),
    TRACING="tracing",
    Durations="durations",
    OtelCallTracer="call_tracer",
    Tracing="tracing",
    code_name="call_tracer",
)
