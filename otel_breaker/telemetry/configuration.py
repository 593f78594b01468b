"""The telemetry settings and providers in force, merged from code, a file and the environment.

The environment overrides the file, and the file overrides code; a setting that none of them has keeps its default.
What a setting does is decided in `traces`, `metrics` and `events`, never here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import MeterProvider, get_meter

from otel_breaker import diagnostics
from otel_breaker import settings as all_settings
from otel_breaker.errors import InvalidSettings
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
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

    from otel_breaker.settings import TelemetryKeywords, TelemetrySettings

_PREFIX: Final = "OTEL_BREAKER_"

# The boundaries that OpenTelemetry's conventions advise for durations in seconds.
_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_ADVICE: Final[Any] = {"explicit_bucket_boundaries_advisory": _BOUNDARIES} if HISTOGRAMS_ADVISE_BOUNDARIES else {}


class TelemetryConfiguration:
    """The telemetry settings of each source, and the providers."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._from_code: dict[str, object] = {}
        self._from_file: dict[str, object] = {}
        self._from_environment: dict[str, object] | None = None
        self._tracer_provider: TracerProvider | None = None
        self._meter_provider: MeterProvider | None = None
        self._durations: Durations | None = None

    @property
    def settings(self) -> TelemetrySettings:
        """The settings in force."""
        return all_settings.TelemetrySettings.from_mapping(
            {**self._from_code, **self._from_file, **(self._from_environment or {})}
        )

    def read_environment(self) -> None:
        """Read the environment, once; a variable with an invalid value is logged as an error and ignored."""
        if self._from_environment is not None:
            return
        self._from_environment = {}
        if not any(variable.startswith(_PREFIX) for variable in os.environ):
            return  # without the module of these settings, which few processes need
        for name in all_settings.TelemetrySettings.__dataclass_fields__:
            variable = variable_of(name)
            value = os.environ.get(variable)
            if value:
                try:
                    all_settings.TelemetrySettings.from_mapping({name: value})
                except InvalidSettings as error:
                    diagnostics.error("the environment variable %s is ignored: %s", variable, error)
                else:
                    self._from_environment[name] = value
        if self._from_environment:
            self._apply()

    def set_from_code(self, settings: Mapping[str, object]) -> None:
        """Add settings to those of earlier calls.

        Raises:
            InvalidSettings: for an unknown name, or a value that is not allowed; then nothing has changed.
        """
        all_settings.TelemetrySettings.from_mapping(settings)
        self._from_code.update(settings)
        self._apply()

    def set_from_file(self, settings: Mapping[str, object], path: str = "telemetry") -> None:
        """Replace the settings of an earlier configuration file.

        Args:
            settings: names to values.
            path: the place of the settings in the file, for errors.

        Raises:
            InvalidSettings: for an unknown name, or a value that is not allowed; then nothing has changed.
        """
        all_settings.TelemetrySettings.from_mapping(settings, path)
        self._from_file = dict(settings)
        self._apply()

    def set_providers(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
    ) -> None:
        """Use other providers than the global ones; None leaves a provider as it is."""
        self._tracer_provider = tracer_provider or self._tracer_provider
        if logger_provider is not None:
            events.EVENT_EMITTER.provider = logger_provider
        if meter_provider is not None:
            self._meter_provider, self._durations = meter_provider, None
            try:
                METRIC_REGISTRY.use_meter(meter_provider.get_meter(names.SCOPE, __version__))
            except Exception:
                diagnostics.exception("the meter provider has no meter for circuit breakers")
        self._apply()

    def after_fork(self) -> None:
        """In a forked child: no thread exists that could release the lock."""
        self._lock = threading.RLock()

    def _apply(self) -> None:
        if self.settings.duration_histogram and self._durations is None:
            run_in_background(self._create_histogram)
        self._use_settings()

    @locked
    def _use_settings(self) -> None:
        settings = self.settings
        events.EVENT_EMITTER.is_enabled = settings.events is not all_settings.Events.SPAN
        durations = self._durations if settings.duration_histogram else None
        TRACING.use(settings, self._tracer_provider, durations)

    def _create_histogram(self) -> None:
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
            self._use_settings()  # after `_apply`, if this took longer than its wait


def variable_of(setting: str) -> str:
    """The environment variable of a telemetry setting."""
    return f"{_PREFIX}{setting.upper()}"


TELEMETRY: Final = TelemetryConfiguration()
FORKS.register(ForkStage.LOCKS, TELEMETRY.after_fork)


def configure(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    **settings: Unpack[TelemetryKeywords],
) -> None:
    """Configure the telemetry of all breakers, present and future; may be called at any time, and again.

    Args:
        tracer_provider: creates the spans, instead of OpenTelemetry's global provider.
        meter_provider: creates the instruments, likewise.
        logger_provider: takes the log events, likewise.
        **settings: see docs/configuration.md; a setting that is not given stays as it is. A configuration file and the
            environment override them.

    Raises:
        InvalidSettings: names the setting, its value and what is allowed; then nothing has changed.
    """
    TELEMETRY.set_from_code(settings)
    TELEMETRY.set_providers(tracer_provider, meter_provider, logger_provider)
