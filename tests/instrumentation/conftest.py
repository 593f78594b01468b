"""The instrumentor, unconfigured and uninstrumented afterwards, and an application for it to guard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.instrumentation.applications import Application

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def instrumentor() -> Iterator[OtelBreakerInstrumentor]:
    instrumentor = OtelBreakerInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instrumentor: OtelBreakerInstrumentor
) -> Iterator[Application]:
    monkeypatch.syspath_prepend(tmp_path)
    application = Application(tmp_path, instrumentor)
    yield application
    application.forget()
