"""Which switches and providers are in force: what code, a file and the environment have said, put together.

The environment wins over the file, the file over code; what nobody mentions keeps its default. How a switch acts is
not known here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import MeterProvider, get_meter

from otel_breaker import diagnostics
from otel_breaker.errors import InvalidSettings
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
from otel_breaker.settings import Events, TelemetrySettings
from otel_breaker.telemetry import events, names
from otel_breaker.telemetry.api_features import HISTOGRAMS_ADVISE_BOUNDARIES
from otel_breaker.telemetry.background import run_in_background
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from otel_breaker.telemetry.traces import TRACING, Durations
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Unpack

    from otel_breaker.settings import TelemetryKeywords

VARIABLES: Final = {name: f"OTEL_BREAKER_{name.upper()}" for name in TelemetrySettings.__dataclass_fields__}
"""The environment variable of each switch."""

# The boundaries that OpenTelemetry's conventions advise for durations in seconds.
_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_ADVICE: Final[Any] = {"explicit_bucket_boundaries_advisory": _BOUNDARIES} if HISTOGRAMS_ADVISE_BOUNDARIES else {}


class TelemetryConfiguration:
    """What was said, by whom."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._code: dict[str, object] = {}
        self._file: dict[str, object] = {}
        self._environment: dict[str, object] | None = None
        self._tracer_provider: TracerProvider | None = None
        self._meter_provider: MeterProvider | None = None
        self._durations: Durations | None = None

    @property
    def settings(self) -> TelemetrySettings:
        """What is in force."""
        return TelemetrySettings.from_mapping({**self._code, **self._file, **(self._environment or {})})

    def read_environment(self) -> None:
        """Take the environment in, once; a variable that makes no sense is told loudly and counts for nothing."""
        if self._environment is not None:
            return
        self._environment = {}
        for name, variable in VARIABLES.items():
            value = os.environ.get(variable)
            if value:
                try:
                    TelemetrySettings.from_mapping({name: value})
                except InvalidSettings as error:
                    diagnostics.error("the environment variable %s is ignored: %s", variable, error)  # says it all
                else:
                    self._environment[name] = value
        if self._environment:
            self._apply()

    def set_from_code(self, switches: Mapping[str, object]) -> None:
        """Take in what code says; what it does not mention stays as it was said before."""
        TelemetrySettings.from_mapping(switches)
        self._code.update(switches)
        self._apply()

    def set_from_file(self, switches: Mapping[str, object], path: str = "telemetry") -> None:
        """Take in what a configuration file says, in place of what one has said before.

        Args:
            switches: names to values.
            path: where they stand, for errors.

        Raises:
            InvalidSettings: for a name that is not known, or a value that is not allowed; then nothing has changed.
        """
        TelemetrySettings.from_mapping(switches, path)
        self._file = dict(switches)
        self._apply()

    def set_providers(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
    ) -> None:
        """Tell it elsewhere than to the global providers; None leaves one as it is."""
        self._tracer_provider = tracer_provider or self._tracer_provider
        if logger_provider is not None:
            events.REPORTER.provider = logger_provider
        if meter_provider is not None:
            self._meter_provider, self._durations = meter_provider, None
            try:
                METRIC_REGISTRY.show(meter_provider.get_meter(names.SCOPE, __version__))
            except Exception:
                diagnostics.exception("the meter provider has no meter for circuit breakers")
        self._apply()

    def after_fork(self) -> None:
        """In a forked child: whoever held the lock is gone."""
        self._lock = threading.RLock()

    def _apply(self) -> None:
        if self.settings.duration_histogram and self._durations is None:
            run_in_background(self._make_durations)
        self._use_switches()

    @locked
    def _use_switches(self) -> None:
        switches = self.settings
        events.REPORTER.is_on = switches.events is not Events.SPAN
        durations = self._durations if switches.duration_histogram else None
        TRACING.use(switches, self._tracer_provider, durations)

    def _make_durations(self) -> None:
        try:
            if self._meter_provider is not None:
                meter = self._meter_provider.get_meter(names.SCOPE, __version__)
            else:
                meter = get_meter(names.SCOPE, __version__)
            histogram = meter.create_histogram(
                names.METRIC_CALL_DURATION, "s", "Time that guarded calls took.", **_ADVICE
            )
        except Exception:
            diagnostics.exception("the metric %s cannot be made", names.METRIC_CALL_DURATION)
        else:
            self._durations = Durations(histogram)
            self._use_switches()  # it may have taken longer than anybody waited


TELEMETRY: Final = TelemetryConfiguration()
FORKS.register(ForkStage.LOCKS, TELEMETRY.after_fork)


def configure(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    **switches: Unpack[TelemetryKeywords],
) -> None:
    """Say what is told of all breakers, those that exist and those to come; at any time, and more than once.

    Args:
        tracer_provider: makes the spans, instead of OpenTelemetry's global one.
        meter_provider: shows the metrics, likewise.
        logger_provider: takes the log events, likewise.
        **switches: see docs/configuration.md; what is not mentioned stays as it is. A configuration file and the
            environment win.

    Raises:
        InvalidSettings: naming the switch, its value and what is allowed; then nothing has changed.
    """
    TELEMETRY.set_from_code(switches)
    TELEMETRY.set_providers(tracer_provider, meter_provider, logger_provider)
