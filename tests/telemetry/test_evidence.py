"""A state change has the evidence of an opening, or the totals of the episode that a closing ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, StateChange
from tests.telemetry.outage import EVIDENCE, fail, trip

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def payments(clock: FakeClock, **settings: object) -> CircuitBreaker:
    return CircuitBreaker("payments", clock=clock, **{"failure_threshold": 2, "recovery_time": 30, **settings})  # type: ignore[arg-type]


def evidence(span: ReadableSpan) -> dict[str, Any]:
    """The evidence or the totals of the last state change on a span."""
    attributes = span.events[-1].attributes or {}
    return {name: value for name, value in attributes.items() if name in EVIDENCE}


def test_an_opening_by_failures_has_their_number_and_types_and_the_open_time(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=3)

    fail(breaker)
    fail(breaker, ConnectionError)
    fail(breaker)

    attributes = evidence(spans.last())
    assert sorted(attributes.pop("circuit_breaker.error_types")) == ["ConnectionError=1", "TimeoutError=2"]
    assert {name: value for name, value in attributes.items() if ".window." not in name} == {
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


def test_of_many_failure_types_ten_are_exported_and_the_rest_together(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=13)

    for number in range(12):
        fail(breaker, type(f"Failure{number}", (Exception,), {"__module__": "shop"}))
    fail(breaker, type("Failure0", (Exception,), {"__module__": "shop"}))

    attributes = evidence(spans.last())["circuit_breaker.error_types"]
    once = [f"shop.Failure{number}=1" for number in range(1, 10)]
    assert sorted(attributes) == sorted(["shop.Failure0=2", *once, "_OTHER=2"])  # types of one name are one


def test_an_opening_by_a_probe_has_the_failure_of_the_probe(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    clock.advance(30)

    fail(breaker, ConnectionError)

    assert evidence(spans.last())["circuit_breaker.error_types"] == ("ConnectionError=1",)


def errors_counted(span: ReadableSpan) -> int:
    """The sum of the counts of the error types."""
    return sum(int(entry.rpartition("=")[2]) for entry in evidence(span).get("circuit_breaker.error_types", ()))


def test_results_of_calls_from_before_the_opening_are_no_evidence_of_the_next(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    late = [breaker.guard().__enter__() for _ in range(7)]
    trip(breaker)
    for call in reversed(late):  # the other order would leave the others' spans current
        call.__exit__(TimeoutError, TimeoutError(), None)
    clock.advance(30)

    fail(breaker, ConnectionError)

    assert evidence(spans.last())["circuit_breaker.error_types"] == ("ConnectionError=1",)


def test_a_streak_has_no_more_errors_than_failures_in_a_row_for_any_window(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=4, failure_rate=1, minimum_calls=50, window=50)

    for _ in range(3):
        fail(breaker, ConnectionError)
        breaker.call(int)
    for _ in range(4):
        fail(breaker)

    attributes = evidence(spans.last())
    assert attributes["circuit_breaker.error_types"] == ("TimeoutError=4",)
    assert attributes["circuit_breaker.consecutive_failures"] == errors_counted(spans.last()) == 4


def test_a_rate_has_the_errors_of_its_window_and_no_older_ones(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=None, failure_rate=0.9, window=4, minimum_calls=4)

    for _ in range(3):
        fail(breaker, ConnectionError)
        breaker.call(int)
    for _ in range(4):
        fail(breaker)

    attributes = evidence(spans.last())
    assert attributes["circuit_breaker.window.failures"] == errors_counted(spans.last()) == 4
    assert attributes["circuit_breaker.error_types"] == ("TimeoutError=4",)


def test_one_failure_that_passes_through_nested_calls_is_one_error(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)

    for _ in range(2):
        with pytest.raises(TimeoutError), breaker.guard():
            fail_and_raise(breaker)

    opened = next(span for span in spans() if any(span.events))
    assert evidence(opened)["circuit_breaker.error_types"] == ("TimeoutError=2",)


def fail_and_raise(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        raise TimeoutError


def test_a_lost_probe_has_no_error_since_none_was_raised(clock: FakeClock) -> None:
    changes: list[StateChange] = []
    breaker = payments(clock)
    breaker.add_listener(changes.append)
    trip(breaker)
    clock.advance(30)
    breaker.can_execute()
    clock.advance(60)

    breaker.can_execute()

    assert [change.error_types for change in changes if change.reason.value == "probe_timeout"] == [()]


def test_an_opening_by_an_operator_has_no_errors(clock: FakeClock) -> None:
    changes: list[StateChange] = []
    breaker = payments(clock)
    breaker.add_listener(changes.append)
    fail(breaker)

    breaker.force_open()

    assert [change.error_types for change in changes] == [()]


def test_an_opening_by_a_rate_has_the_window(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=None, failure_rate=0.5, minimum_calls=4)

    for _ in range(2):
        breaker.call(int)
    fail(breaker)
    fail(breaker)

    attributes = evidence(spans.last())
    assert {name: attributes[name] for name in attributes if name != "circuit_breaker.error_types"} == {
        "circuit_breaker.consecutive_failures": 2,
        "circuit_breaker.window.calls": 4,
        "circuit_breaker.window.failures": 2,
        "circuit_breaker.window.slow_calls": 0,
        "circuit_breaker.threshold": 0.5,
        "circuit_breaker.open.planned_duration": 30.0,
    }


def test_an_opening_by_a_streak_beside_a_rate_has_the_streak_and_the_window(spans: Spans, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_rate=0.5, minimum_calls=4, window=20, clock=clock)

    for _ in range(20):
        breaker.call(int)
    for _ in range(4):
        fail(breaker)

    attributes = evidence(spans.last())
    assert attributes["circuit_breaker.threshold"] == attributes["circuit_breaker.consecutive_failures"] == 4
    assert (attributes["circuit_breaker.window.calls"], attributes["circuit_breaker.window.failures"]) == (20, 4)


def test_a_closing_has_the_open_duration_the_rejected_calls_and_the_probes(spans: Spans, clock: FakeClock) -> None:
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
