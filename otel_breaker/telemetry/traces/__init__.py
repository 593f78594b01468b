"""The span of a guarded call: what it says at its start and at its end, and what it links to.

A span is started after the decision, so that samplers see it. It becomes the current one only if that changes
anything. Whatever the SDK, a processor or a sampler raises is logged, once, and stops here; one that hangs holds up
its caller only where it does its work within the call, as the simple span processor does and the batch one does not.

`tracing` knows where spans go, `site` begins them, `span` is the usual one, `late` the one of `spans: problems`,
`measured` times calls for the histogram of `durations`, and `said` holds what several of them say.
"""

from otel_breaker.telemetry.traces.call_tracer import OtelCallTracer, code_name
from otel_breaker.telemetry.traces.durations import Durations
from otel_breaker.telemetry.traces.tracing import TRACING, Tracing

__all__ = ["TRACING", "Durations", "OtelCallTracer", "Tracing", "code_name"]
