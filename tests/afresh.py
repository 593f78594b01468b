"""A process in which no breaker was made, no switch was set and nothing has failed yet, for the length of one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker import breaker
from otel_breaker.telemetry import configuring, events
from otel_breaker.telemetry.metrics import Ledger
from otel_breaker.telemetry.traces import Tracing

if TYPE_CHECKING:
    import pytest


def begin_afresh(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Put new state wherever the process keeps what it knows of telemetry.

    Returns:
        What metrics know now.
    """
    ledger, tracing, configuration = Ledger(), Tracing(), configuring.Configuration()
    for module in (breaker, configuring):
        monkeypatch.setattr(module, "LEDGER", ledger)
        monkeypatch.setattr(module, "CONFIGURATION", configuration)
    monkeypatch.setattr(breaker, "_TRACING", tracing)
    monkeypatch.setattr(configuring, "TRACING", tracing)
    monkeypatch.setattr(events, "REPORTER", events.Reporter())
    return ledger
