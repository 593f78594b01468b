"""The configurations of OpenTelemetry in which a guarded call may run."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from otel_breaker import configure
from otel_breaker.settings import Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class Sdk(Enum):
    NONE = "no SDK"
    SAMPLED = "SDK, everything sampled"
    DROPPED = "SDK, everything dropped"
    UNPROCESSED = "SDK without span processor"
    PROBLEMS = "SDK, everything sampled, spans: problems"
    OFF = "SDK, everything sampled, spans: off"


_SPANS: Final = {Sdk.PROBLEMS: Spans.PROBLEMS, Sdk.OFF: Spans.OFF}


class _Discarding(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


def _provider(sdk: Sdk) -> TracerProvider:
    provider = TracerProvider(sampler=ALWAYS_OFF if sdk is Sdk.DROPPED else ALWAYS_ON, shutdown_on_exit=False)
    if sdk is not Sdk.UNPROCESSED:
        # A minute, as the flushes between samples must empty the queue, not a thread within them.
        provider.add_span_processor(BatchSpanProcessor(_Discarding(), schedule_delay_millis=60_000))
    return provider


@contextmanager
def set_up(sdk: Sdk) -> Iterator[Callable[[], object]]:
    """Set OpenTelemetry up; yields a function that empties the queue of finished spans.

    The API sets a provider only once in a process, so the provider is put where the API keeps it.
    """
    before = trace._TRACER_PROVIDER
    if sdk is Sdk.NONE:
        trace._TRACER_PROVIDER = None
        try:
            yield lambda: None
        finally:
            trace._TRACER_PROVIDER = before
        return
    provider = _provider(sdk)
    trace._TRACER_PROVIDER = provider
    configure(spans=_SPANS.get(sdk, Spans.ALL))
    try:
        yield provider.force_flush
    finally:
        configure(spans=Spans.ALL)
        trace._TRACER_PROVIDER = before
        provider.shutdown()
