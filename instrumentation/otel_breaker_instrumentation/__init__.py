"""Guards functions that a configuration names; loaded by `opentelemetry-instrument`, or used by hand.

OtelBreakerInstrumentor().instrument(targets=[{"function": "shop.payments:Client.charge"}])
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_breaker import InvalidSettings
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation.config import find
from otel_breaker_instrumentation.targets import PATCHES, Report, Status, TargetReport, report

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["DeclarativeConfiguration", "OtelBreakerInstrumentor", "Report", "Status", "TargetReport", "report"]

_log = logging.getLogger("otel_breaker")


@dataclass(init=False)
class DeclarativeConfiguration:
    """What stands under `instrumentation/development: python: otel_breaker:`.

    OpenTelemetry skips an instrumentor whose options it does not know, and then loads it without any: silently
    unprotected. So this takes all that is there, and leaves checking to our own, which says what is wrong.
    """

    mapping: dict[str, Any]

    def __init__(self, **mapping: Any) -> None:
        self.mapping = mapping


class OtelBreakerInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # OpenTelemetry's base class is untyped
    """Guards the functions that the configuration names, as soon as the application imports them."""

    configuration = DeclarativeConfiguration

    def instrumentation_dependencies(self) -> Collection[str]:
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Guard what is configured.

        Args:
            **kwargs: `defaults`, `breakers` and `targets` as in the file; without them the environment decides.

        Raises:
            InvalidSettings: when the keyword arguments are wrong. A wrong file or declarative configuration is
                logged instead, and the application starts unguarded.
        """
        # Under `opentelemetry-instrument` a declarative configuration is followed by a second, bare call.
        if self.is_instrumented_by_opentelemetry and not set(kwargs) - {"skip_dep_check"}:
            return
        super().instrument(**kwargs)

    def _instrument(self, mapping: dict[str, Any] | None = None, **kwargs: Any) -> None:
        try:
            configuration = find(mapping or kwargs)
        except InvalidSettings as error:
            if kwargs:
                raise
            _log.error("the circuit breakers are NOT configured, nothing is guarded: %s", error)
            return
        if configuration is None:
            return
        REGISTRY.configure(configuration.breakers)
        PATCHES.change(configuration.targets)

    def _uninstrument(self, **kwargs: Any) -> None:
        PATCHES.change(())
        REGISTRY.configure({})
