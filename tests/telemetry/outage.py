"""Steps of an outage of one breaker, for the tests of links, refusals, evidence and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.fakes import FakeClock

EVIDENCE = {
    "circuit_breaker.consecutive_failures",
    "circuit_breaker.window.calls",
    "circuit_breaker.window.failures",
    "circuit_breaker.window.slow_calls",
    "circuit_breaker.threshold",
    "circuit_breaker.error_types",
    "circuit_breaker.open.planned_duration",
    "circuit_breaker.open.duration",
    "circuit_breaker.open.rejected_calls",
    "circuit_breaker.open.probes",
}


def payments(clock: FakeClock, **settings: object) -> CircuitBreaker:
    return CircuitBreaker("payments", clock=clock, **{"failure_threshold": 1, "recovery_time": 30, **settings})  # type: ignore[arg-type]


def fail(breaker: CircuitBreaker, error: type[Exception] = TimeoutError) -> None:
    with pytest.raises(error), breaker.guard():
        raise error


def trip(breaker: CircuitBreaker) -> None:
    fail(breaker)
    fail(breaker)


def be_refused(breaker: CircuitBreaker) -> CircuitOpenError:
    with pytest.raises(CircuitOpenError) as caught, breaker.guard():
        pytest.fail("the circuit is open")
    return caught.value


def links(span: ReadableSpan) -> list[object]:
    return [link.context for link in span.links]
