"""Where the spans of all breakers go, and whether anybody is told of a call at all."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace

from otel_breaker import diagnostics
from otel_breaker.settings import Events, Spans, TelemetrySettings
from otel_breaker.telemetry import names
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    from otel_breaker.telemetry.traces.durations import Durations

_SUPPRESSED_BY_HAND: Final = "suppress_instrumentation"
# No public name yet: an API that has renamed it leaves the one that is set by hand.
_SUPPRESSED: Final = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", _SUPPRESSED_BY_HAND)


class _Holder:
    """Has a provider where the API's module has the global one."""

    def __init__(self, provider: object) -> None:
        self._TRACER_PROVIDER = provider


class _Asked:
    """Has the global provider where the API's module has it, in a release whose module does not."""

    @property
    def _TRACER_PROVIDER(self) -> object:  # noqa: N802  # OpenTelemetry's name
        provider = trace.get_tracer_provider()
        return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def global_source() -> Any:
    """Where the global provider is read, in `_TRACER_PROVIDER`; None there means that none is set up.

    OpenTelemetry's own module, whose private name costs a call nothing, or, should a release rename it, something that
    asks by the public accessor, which costs each call some microseconds.
    """
    return trace if hasattr(trace, "_TRACER_PROVIDER") else _Asked()


_GLOBAL: Final = global_source()


class Tracing:
    """Finds the tracer of whatever provider is set up, however late."""

    def __init__(self) -> None:
        self.source: Any = _GLOBAL
        """Has the provider in `_TRACER_PROVIDER`, read at every call; None there means that nobody is told of it."""
        self.is_deferred = False
        """Whether spans are made only when a call turns out to be a problem."""
        self.adds_span_events = True
        self.records_exceptions = False
        self.rejected_span_limit: int | None = None
        self.durations: Durations | None = None
        self.at_work = 0
        """The thread that starts or ends a span, 0 for none.

        A guarded function that a sampler, a processor or an exporter calls meanwhile makes no span, or each would
        bring about the next. Of several threads the last one is known, which is cheap, and lets a chain go one span
        further at worst.
        """
        self._spans: Any = _GLOBAL
        self._provider: object = None
        self._tracer: Tracer | None = None
        self._complained = False

    def use(self, switches: TelemetrySettings, provider: object, durations: Durations | None) -> None:
        """Tell from now on what the switches say.

        Args:
            switches: what is told.
            provider: of spans; None for the global one, whatever it will be.
            durations: where the time of each call goes, if anywhere.
        """
        self.is_deferred = switches.spans is Spans.PROBLEMS
        self.adds_span_events = switches.events is not Events.LOG
        self.records_exceptions = switches.record_exceptions
        self.rejected_span_limit = switches.rejected_span_limit
        self.durations = durations
        if switches.spans is Spans.OFF:
            self._spans = _Holder(None)
        else:
            self._spans = _GLOBAL if provider is None else _Holder(provider)
        self.source = self._spans if durations is None else _Holder(durations)

    def tracer(self) -> Tracer | None:
        """Makes the spans; None when there are none."""
        provider = self._spans._TRACER_PROVIDER  # noqa: SLF001  # see `source`
        if provider is not self._provider or self._tracer is None:
            self._tracer = None if provider is None else provider.get_tracer(names.SCOPE, __version__)
            self._provider = provider
        return self._tracer

    @property
    def is_at_work_here(self) -> bool:
        """Whether this thread starts or ends a span."""
        return self.at_work == get_ident()

    def report_fault(self) -> None:
        if not self._complained:
            self._complained = True
            diagnostics.exception("tracing failed; the guarded calls are not affected; told once")


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


TRACING: Final = Tracing()

SWITCHED_OFF: Final = Tracing()
"""For guards that do nothing any more: somebody seems to listen, so that none takes its hot path."""
SWITCHED_OFF.source = _Holder(SWITCHED_OFF)


def is_suppressed(context: Context | None = None) -> bool:
    """Whether the current work is telemetry's own, such as an exporter's request."""
    if context is None:
        context = otel_context.get_current()
    return bool(context.get(_SUPPRESSED) or context.get(_SUPPRESSED_BY_HAND))
