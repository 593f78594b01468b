"""Fixtures: a clock for all breakers, and functions that are no longer patched after the test."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.testing import FakeClock, fake_clock, reset
from otel_breaker_instrumentation import OtelBreakerInstrumentor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests import fakes


@pytest.fixture(params=["plain", "traced"])
def breaker(clock: fakes.FakeClock, request: pytest.FixtureRequest) -> CircuitBreaker:
    """Opens at the first failure; without an SDK and with one."""
    if request.param == "traced":
        request.getfixturevalue("spans")
    return CircuitBreaker(failure_threshold=1, recovery_time=10, clock=clock)


@pytest.fixture
def time_of_all() -> Iterator[FakeClock]:
    """A clock that breakers of every origin go by."""
    reset()
    with fake_clock() as clock:
        yield clock
    reset()


@pytest.fixture
def without_collector() -> Iterator[None]:
    """What is freed during the test is freed by its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the test has patched by configuration is restored after it."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    yield
    instrumentor = OtelBreakerInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
