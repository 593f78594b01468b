"""`rejected_span_limit`: how many refused calls of one circuit have a span in one second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, configure

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.fakes import FakeClock


def payments(clock: FakeClock, name: str = "payments", **settings: Any) -> CircuitBreaker:
    return CircuitBreaker(name, clock=clock, **{"failure_threshold": 1, "recovery_time": 30, **settings})


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(TimeoutError), breaker.guard():
        raise TimeoutError


def be_refused(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(CircuitOpenError):
            breaker.call(int)


def outcomes(spans: Spans, name: str = "payments") -> list[Any]:
    attributes = [span.attributes or {} for span in spans()]
    return [each["circuit_breaker.call.outcome"] for each in attributes if each["circuit_breaker.name"] == name]


@pytest.mark.parametrize("spans_switch", ["all", "problems"])
def test_no_more_refused_calls_than_the_limit_have_a_span_in_a_second(
    spans_switch: Any, spans: Spans, clock: FakeClock
) -> None:
    configure(rejected_span_limit=2, spans=spans_switch)
    breaker = payments(clock)
    fail(breaker)

    be_refused(breaker, 5)

    assert outcomes(spans) == ["failure", "rejected", "rejected"]


def test_the_next_second_has_the_limit_anew(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=1)
    breaker = payments(clock)
    fail(breaker)

    be_refused(breaker, 3)
    clock.advance(1)
    be_refused(breaker, 3)

    assert outcomes(spans) == ["failure", "rejected", "rejected"]


def test_each_circuit_has_the_limit_for_itself(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=1)
    breaker, other = payments(clock), payments(clock, "orders")
    breaker.force_open()
    other.force_open()

    be_refused(breaker, 2)
    be_refused(other, 2)

    assert (outcomes(spans), outcomes(spans, "orders")) == (["rejected"], ["rejected"])


def test_by_default_there_is_no_limit(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    breaker.force_open()

    be_refused(breaker, 50)

    assert len(outcomes(spans)) == 50


def test_a_refused_call_without_a_span_is_counted_and_raises_all_the_same(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=0)
    breaker = payments(clock)
    fail(breaker)

    with pytest.raises(CircuitOpenError) as refused:
        breaker.call(int)

    assert outcomes(spans) == ["failure"]
    assert breaker.snapshot().calls["rejected"] == 1
    assert (refused.value.retry_after, refused.value.episode) == (30.0, breaker.snapshot().episode)


def test_a_fallback_answers_without_a_span(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=0)
    breaker = payments(clock, fallback=lambda: 7)
    breaker.force_open()

    assert breaker.call(int) == 7
    assert outcomes(spans) == []


def test_trips_and_probes_have_spans_beyond_the_limit(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=0)
    breaker = payments(clock)

    fail(breaker)
    be_refused(breaker, 2)
    clock.advance(30)
    fail(breaker)
    clock.advance(30)
    breaker.call(int)

    assert outcomes(spans) == ["failure", "failure", "success"]


def test_a_refused_call_that_finds_a_hung_call_has_a_span_beyond_the_limit(spans: Spans, clock: FakeClock) -> None:
    configure(rejected_span_limit=0)
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=1, minimum_calls=1)
    breaker.can_execute()
    clock.advance(2)

    be_refused(breaker, 2)

    assert outcomes(spans) == ["rejected"]
    assert (spans.last().attributes or {})["circuit_breaker.state_change.to"] == "open"
