"""What a state change is explained with: the evidence when a circuit opens, the sum when it closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitBreaker
from tests.telemetry.outage import EVIDENCE, fail, trip

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def payments(clock: FakeClock, **settings: object) -> CircuitBreaker:
    return CircuitBreaker("payments", clock=clock, **{"failure_threshold": 2, "recovery_time": 30, **settings})  # type: ignore[arg-type]


def evidence(span: ReadableSpan) -> dict[str, Any]:
    """What the last state change on a span is explained with."""
    attributes = span.events[-1].attributes or {}
    return {name: value for name, value in attributes.items() if name in EVIDENCE}


def test_an_opening_by_failures_tells_how_many_of_which_types_and_how_long_it_stays(
    spans: Spans, clock: FakeClock
) -> None:
    breaker = payments(clock, failure_threshold=3)

    fail(breaker)
    fail(breaker, ConnectionError)
    fail(breaker)

    told = evidence(spans.last())
    assert sorted(told.pop("circuit_breaker.error_types")) == ["ConnectionError=1", "TimeoutError=2"]
    assert {name: value for name, value in told.items() if ".window." not in name} == {
        "circuit_breaker.consecutive_failures": 3,
        "circuit_breaker.threshold": 3,
        "circuit_breaker.open.planned_duration": 30.0,
    }


def test_failures_before_a_success_are_no_evidence(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)

    fail(breaker, ConnectionError)
    breaker.call(int)
    fail(breaker)
    fail(breaker)

    assert evidence(spans.last())["circuit_breaker.error_types"] == ("TimeoutError=2",)


def test_failures_of_many_types_are_told_by_the_first_ten_and_the_rest_together(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=13)

    for number in range(12):
        fail(breaker, type(f"Failure{number}", (Exception,), {"__module__": "shop"}))
    fail(breaker, type("Failure12", (Exception,), {"__module__": "shop"}))

    told = evidence(spans.last())["circuit_breaker.error_types"]
    once = [f"shop.Failure{number}=1" for number in range(1, 10)]
    assert sorted(told) == sorted(["shop.Failure0=2", *once, "_OTHER=2"])  # types of one name are one


def test_an_opening_by_a_probe_tells_the_failure_of_the_probe(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    clock.advance(30)

    fail(breaker, ConnectionError)

    assert evidence(spans.last())["circuit_breaker.error_types"] == ("ConnectionError=1",)


def test_an_opening_by_a_rate_tells_the_window(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=None, failure_rate=0.5, minimum_calls=4)

    for _ in range(2):
        breaker.call(int)
    fail(breaker)
    fail(breaker)

    told = evidence(spans.last())
    assert {name: told[name] for name in told if name != "circuit_breaker.error_types"} == {
        "circuit_breaker.consecutive_failures": 2,
        "circuit_breaker.window.calls": 4,
        "circuit_breaker.window.failures": 2,
        "circuit_breaker.window.slow_calls": 0,
        "circuit_breaker.threshold": 0.5,
        "circuit_breaker.open.planned_duration": 30.0,
    }


def test_a_closing_tells_how_long_it_was_open_and_what_that_cost(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    for _ in range(3):
        breaker.can_execute()
    clock.advance(30)
    fail(breaker)
    clock.advance(40)

    breaker.call(int)

    assert evidence(spans.last()) == {
        "circuit_breaker.open.duration": 70.0,
        "circuit_breaker.open.rejected_calls": 3,
        "circuit_breaker.open.probes": 2,
    }
