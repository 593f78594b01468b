"""Resets the state of the process for one test: no breaker, no telemetry setting, no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker import breaker, tracers
from otel_breaker.telemetry import configuration, events
from otel_breaker.telemetry.metrics import MetricRegistry
from otel_breaker.telemetry.traces import Tracing

if TYPE_CHECKING:
    import pytest


def reset_process_state(monkeypatch: pytest.MonkeyPatch) -> MetricRegistry:
    """Replace each object that holds telemetry state of the process.

    Returns:
        The metric registry of the test.
    """
    metrics, tracing, telemetry = MetricRegistry(), Tracing(), configuration.TelemetryConfiguration()
    for module in (breaker, configuration):
        monkeypatch.setattr(module, "METRIC_REGISTRY", metrics)
        monkeypatch.setattr(module, "TELEMETRY", telemetry)
    monkeypatch.setattr(tracers, "_TRACING", tracing)
    monkeypatch.setattr(configuration, "TRACING", tracing)
    monkeypatch.setattr(events, "REPORTER", events.Reporter())
    return metrics
