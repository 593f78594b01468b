"""A process without breakers, settings and reported faults, for one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker import breaker, guarded_calls, new_circuits, tracers
from otel_breaker.telemetry import configuration, events
from otel_breaker.telemetry.metrics import MetricRegistry
from otel_breaker.telemetry.traces import Tracing

if TYPE_CHECKING:
    import pytest


def reset_process_state(monkeypatch: pytest.MonkeyPatch) -> MetricRegistry:
    """Replace all state of telemetry in the process.

    Returns:
        The new metric registry.
    """
    metrics, tracing, telemetry = MetricRegistry(), Tracing(), configuration.TelemetryConfiguration()
    for user in (breaker, configuration):
        monkeypatch.setattr(user, "METRIC_REGISTRY", metrics)
    for user in (new_circuits, configuration):
        monkeypatch.setattr(user, "TELEMETRY", telemetry)
    monkeypatch.setattr(tracers, "_TRACING", tracing)
    for user in (configuration, guarded_calls):
        monkeypatch.setattr(user, "TRACING", tracing)
    monkeypatch.setattr(events, "EVENT_EMITTER", events.EventEmitter())
    monkeypatch.setattr(events, "LISTENERS", (events.EVENT_EMITTER,))
    return metrics
