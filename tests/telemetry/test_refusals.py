"""The span of a refused call: its reason, the time to wait, its link; and what samplers get when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.telemetry.conftest import WatchingSampler
from tests.telemetry.outage import be_refused, fail, links, payments

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk

REFUSED = "otel_breaker.errors.CircuitOpenError"


def charge() -> None:
    pass


def test_a_refused_call_has_the_reason_and_the_time_to_wait(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)
    clock.advance(10)

    be_refused(breaker)

    span = spans.last()
    assert (span.name, span.kind) == ("circuit_breaker payments", SpanKind.INTERNAL)
    assert span.attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "open",
        "circuit_breaker.call.outcome": "rejected",
        "circuit_breaker.rejection.reason": "open",
        "circuit_breaker.retry_after": 20.0,
        "circuit_breaker.episode": breaker.snapshot().episode,
        "circuit_breaker.link": "opening",
        "error.type": REFUSED,
    }
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert list(span.events) == []


def test_a_refused_call_links_to_the_call_that_opened_the_circuit(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=2)
    fail(breaker)
    fail(breaker)

    be_refused(breaker)

    _, trip, refusal = spans()
    assert links(refusal) == [trip.context]


def test_a_refused_function_is_named(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)

    with pytest.raises(CircuitOpenError):
        breaker.call(charge)

    assert (spans.last().attributes or {})["code.function.name"] == f"{__name__}.charge"


async def test_a_refused_coroutine_is_a_span_like_any_refusal(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)

    @breaker
    async def charge_later() -> None:
        pytest.fail("the circuit is open")

    with pytest.raises(CircuitOpenError):
        await charge_later()

    assert (spans.last().attributes or {})["circuit_breaker.call.outcome"] == "rejected"
    assert links(spans.last()) == [spans()[0].context]


def test_a_sampler_sees_all_of_a_refusal_when_its_span_starts(make_sdk: MakeSdk, clock: FakeClock) -> None:
    sampler = WatchingSampler()
    make_sdk(sampler)
    breaker = payments(clock)
    fail(breaker)

    error = be_refused(breaker)

    start = sampler.starts[-1]
    assert (start.name, start.kind) == ("circuit_breaker payments", SpanKind.INTERNAL)
    assert {name: start.attributes.get(name) for name in start.attributes if name != "error.type"} == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "open",
        "circuit_breaker.call.outcome": "rejected",
        "circuit_breaker.rejection.reason": "open",
        "circuit_breaker.retry_after": 30.0,
        "circuit_breaker.episode": error.episode,
        "circuit_breaker.link": "opening",
    }
    assert len(start.links) == 1


def test_a_sampler_sees_the_state_of_an_admitted_call_when_its_span_starts(make_sdk: MakeSdk) -> None:
    sampler = WatchingSampler()
    make_sdk(sampler)

    CircuitBreaker("payments").call(charge)

    assert sampler.starts[0].attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "closed",
        "code.function.name": f"{__name__}.charge",
    }


def test_a_refusal_by_an_operator_promises_nothing_and_links_to_no_call(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    be_refused(breaker)

    assert spans.last().attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "forced_open",
        "circuit_breaker.call.outcome": "rejected",
        "circuit_breaker.rejection.reason": "forced_open",
        "circuit_breaker.episode": breaker.snapshot().episode,
        "error.type": REFUSED,
    }
    assert links(spans.last()) == []


def test_a_refusal_links_to_no_call_that_had_no_span(make_sdk: MakeSdk, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)

    finished = make_sdk()
    be_refused(breaker)

    (refusal,) = finished()
    assert links(refusal) == []
    assert "circuit_breaker.link" not in (refusal.attributes or {})
