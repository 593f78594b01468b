"""Where the spans of all breakers go, and whether a call is traced at all.

The only module that knows OpenTelemetry's private name of the global tracer provider.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace

from otel_breaker import diagnostics
from otel_breaker import settings as all_settings
from otel_breaker.telemetry import names
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    from otel_breaker.settings import TelemetrySettings
    from otel_breaker.telemetry.traces.durations import Durations

_SUPPRESSED_BY_HAND: Final = "suppress_instrumentation"
# The key has no public name yet; where a release renames it, the key that applications set remains.
_SUPPRESSED: Final = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", _SUPPRESSED_BY_HAND)


class _FixedSource:
    """Has a provider under the name that the global one has in OpenTelemetry's module."""

    def __init__(self, provider: object) -> None:
        self._TRACER_PROVIDER = provider


class _PublicSource:
    """Has the global provider under that name, where a release of OpenTelemetry has renamed it."""

    @property
    def _TRACER_PROVIDER(self) -> object:  # noqa: N802  # OpenTelemetry's name
        provider = trace.get_tracer_provider()
        return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def global_source() -> Any:
    """The object whose `_TRACER_PROVIDER` is the global provider; None there means that none is set.

    It is OpenTelemetry's module: an attribute of a module is read in nanoseconds. A release without that name gets an
    object that uses the public accessor, which takes microseconds.
    """
    return trace if hasattr(trace, "_TRACER_PROVIDER") else _PublicSource()


_GLOBAL: Final = global_source()


class Tracing:
    """Finds the tracer of the provider, which may be set at any time."""

    def __init__(self) -> None:
        self.source: Any = _GLOBAL
        """Its `_TRACER_PROVIDER` is read at every call; None there means that guards ask for no spans."""
        self.is_deferred = False
        """Whether spans are started only when a call turns out to be a problem."""
        self.adds_span_events = True
        self.records_exceptions = False
        self.rejected_span_limit: int | None = None
        self.durations: Durations | None = None
        self.busy_thread = 0
        """The thread that is starting or ending a span; 0 for none.

        A guarded function that a sampler, a processor or an exporter calls meanwhile gets no span, or each span would
        cause the next. Of several threads only the last is kept, which is cheap; a chain is then one span longer.
        """
        self._spans: Any = _GLOBAL
        self._provider: object = None
        self._tracer: Tracer | None = None
        self._fault_is_reported = False

    def use(self, settings: TelemetrySettings, provider: object, durations: Durations | None) -> None:
        """Apply settings from now on.

        Args:
            settings: configure what spans contain.
            provider: of tracers; None for the global one, which may be set later.
            durations: records the duration of each call; None without the histogram.
        """
        self.is_deferred = settings.spans is all_settings.Spans.PROBLEMS
        self.adds_span_events = settings.events is not all_settings.Events.LOG
        self.records_exceptions = settings.record_exceptions
        self.rejected_span_limit = settings.rejected_span_limit
        self.durations = durations
        if settings.spans is all_settings.Spans.OFF:
            self._spans = _FixedSource(None)
        else:
            self._spans = _GLOBAL if provider is None else _FixedSource(provider)
        self.source = self._spans if durations is None else _FixedSource(durations)

    def tracer(self) -> Tracer | None:
        """The tracer that starts spans; None when there are none."""
        provider = self._spans._TRACER_PROVIDER  # noqa: SLF001  # see `source`
        if provider is not self._provider or self._tracer is None:
            self._tracer = None if provider is None else provider.get_tracer(names.SCOPE, __version__)
            self._provider = provider
        return self._tracer

    @property
    def is_busy_here(self) -> bool:
        """Whether this thread is starting or ending a span."""
        return self.busy_thread == get_ident()

    def report_fault(self) -> None:
        """Log the exception that is being handled, once in a process."""
        if not self._fault_is_reported:
            self._fault_is_reported = True
            diagnostics.exception("tracing failed; the guarded calls are not affected; logged once")


class ActiveFlag:
    """The flag that guards read at each call.

    Args:
        tracing: where spans go.
    """

    __slots__ = ("tracing",)

    def __init__(self, tracing: Tracing) -> None:
        self.tracing = tracing

    def is_active(self) -> bool:
        """Whether guards ask for spans. Guards contain this expression, see `CallTracer` in guard/ports.py."""
        return self.tracing.source._TRACER_PROVIDER is not None  # noqa: SLF001  # see `Tracing.source`


TRACING: Final[Tracing] = Tracing()

SWITCHED_OFF: Final = Tracing()
"""The tracing of guards that pass every call through: it looks active, so that no guard takes its fast path."""
SWITCHED_OFF.source = _FixedSource(SWITCHED_OFF)


def is_suppressed(context: Context | None = None) -> bool:
    """Whether the current call is telemetry's own, such as an exporter's request."""
    if context is None:
        context = otel_context.get_current()
    return bool(context.get(_SUPPRESSED) or context.get(_SUPPRESSED_BY_HAND))
