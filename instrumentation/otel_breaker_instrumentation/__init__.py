"""Guards functions that a configuration names; loaded by `opentelemetry-instrument`, or used by hand.

OtelBreakerInstrumentor().instrument(targets=[{"function": "shop.payments:Client.charge"}])

For pytest, which warns of a package with a plugin that it did not import first: PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_breaker import InvalidSettings, diagnostics
from otel_breaker.registry import REGISTRY
from otel_breaker.telemetry import configuration as telemetry_configuration
from otel_breaker_instrumentation.reload import Watcher
from otel_breaker_instrumentation.sources import LoadedConfiguration, load_configuration
from otel_breaker_instrumentation.targets import TARGET_MANAGER, TARGET_REPORTER, Report, Status, TargetReport, report

if TYPE_CHECKING:
    from collections.abc import Collection

    from otel_breaker_instrumentation.config import Configuration

__all__ = ["DeclarativeConfiguration", "OtelBreakerInstrumentor", "Report", "Status", "TargetReport", "report"]


_UNGUARDED: Final = "the circuit breakers are NOT configured, nothing is guarded"


@dataclass(init=False)
class DeclarativeConfiguration:
    """The mapping under `instrumentation/development: python: otel_breaker:`.

    OpenTelemetry skips an instrumentor whose options it does not know, and then loads it without any: silently
    unprotected. So this accepts every option; `parse_configuration` checks them, and names what is wrong.
    """

    mapping: dict[str, Any]

    def __init__(self, **mapping: Any) -> None:
        self.mapping = mapping


class OtelBreakerInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # OpenTelemetry's base class is untyped
    """Guards the functions that the configuration names, as soon as the application imports them."""

    configuration = DeclarativeConfiguration
    _is_configured = False
    _watcher: Watcher | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Guard the functions that are configured.

        Args:
            **kwargs: `defaults`, `breakers` and `targets`, as in the file; without them, the environment is read.

        Raises:
            InvalidSettings: when the keyword arguments are wrong. A wrong file or declarative configuration is
                logged instead, and the application starts unguarded.
        """
        if self.is_instrumented_by_opentelemetry:
            # Under `opentelemetry-instrument` a declarative configuration is followed by a second, bare call ...
            if not set(kwargs) - {"skip_dep_check"}:
                return
            # ... and without one the bare call comes before the application's own.
            if not self._is_configured:
                self.uninstrument()
        super().instrument(**kwargs)

    def _instrument(self, mapping: dict[str, Any] | None = None, **kwargs: Any) -> None:
        try:
            loaded = load_configuration(
                mapping or kwargs, "code" if mapping is None else "OpenTelemetry's configuration"
            )
            if loaded is not None:
                self._activate(loaded)
        except Exception as error:
            if kwargs:
                raise
            # An exception would make OpenTelemetry's loader stop all other instrumentations.
            if isinstance(error, InvalidSettings):
                diagnostics.error("%s: %s", _UNGUARDED, error)
            else:
                diagnostics.exception(_UNGUARDED)

    def _activate(self, loaded: LoadedConfiguration) -> None:
        """Apply a configuration, and watch its file if the file configures that."""
        self._is_configured = True
        configuration = loaded.configuration
        self._apply(configuration)
        if configuration.reload is not None and loaded.file is not None and loaded.text is not None:
            self._watcher = Watcher(loaded.file, loaded.text, configuration.reload, self._reload)

    def _reload(self, configuration: Configuration) -> None:
        REGISTRY.check(configuration.breakers)  # before anything is changed
        self._apply(configuration)

    @staticmethod
    def _apply(configuration: Configuration) -> None:
        """Replace the configuration; circuits keep their state, and functions that stay guarded keep their guards."""
        telemetry_configuration.TELEMETRY.set_from_file(configuration.telemetry)
        REGISTRY.configure(configuration.breakers, configuration.overrides)
        TARGET_REPORTER.start()
        TARGET_MANAGER.change(configuration.targets)
        for typo in configuration.suspected_typos:
            remaining = typo.without_used(REGISTRY.names())
            # A name that resembles none is not logged: code may ask for the unused entries later.
            if remaining is not None and remaining.meant is not None:
                diagnostics.warning("%s", remaining)

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        self._is_configured = False
        TARGET_MANAGER.change(())
        REGISTRY.configure({})
        telemetry_configuration.TELEMETRY.set_from_file({})
