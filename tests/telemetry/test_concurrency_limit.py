"""What telemetry shows of a limit of calls in flight."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import StatusCode

from otel_breaker import CircuitBreaker, ConcurrencyLimitError

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics

LIMIT = "circuit_breaker.concurrency.limit"
IN_FLIGHT = "circuit_breaker.concurrency.in_flight"


def be_refused(breaker: CircuitBreaker) -> None:
    with breaker.guard(), pytest.raises(ConcurrencyLimitError):
        breaker.call(int)


# --- spans


def test_a_refusal_by_the_limit_has_its_reason_and_no_episode_link_or_time_to_wait(spans: Spans) -> None:
    be_refused(CircuitBreaker("limited span", max_in_flight=1))

    span = spans()[0]
    assert span.attributes == {
        "circuit_breaker.name": "limited span",
        "circuit_breaker.state": "closed",
        "circuit_breaker.call.outcome": "rejected",
        "circuit_breaker.rejection.reason": "concurrency_limit",
        "code.function.name": "builtins.int",
        "error.type": "otel_breaker.errors.ConcurrencyLimitError",
    }
    assert (span.status.status_code, list(span.links)) == (StatusCode.ERROR, [])


def test_a_fallback_that_answers_for_the_limit_runs_in_a_span_with_the_reason(spans: Spans) -> None:
    breaker = CircuitBreaker("limited answer", max_in_flight=1, fallback=int)

    with breaker.guard():
        breaker.call(lambda: pytest.fail("the limit is reached"))

    attributes = spans()[0].attributes or {}
    assert attributes["circuit_breaker.rejection.reason"] == "concurrency_limit"
    assert attributes["circuit_breaker.fallback.used"] is True


def test_a_call_that_a_shadow_would_have_refused_for_the_limit_has_that_reason(spans: Spans) -> None:
    breaker = CircuitBreaker("limited shadow", max_in_flight=1, mode="shadow")

    with breaker.guard(), breaker.guard():
        pass

    attributes = spans()[0].attributes or {}
    assert attributes["circuit_breaker.shadow.rejected"] is True
    assert attributes["circuit_breaker.rejection.reason"] == "concurrency_limit"
    assert attributes["circuit_breaker.call.outcome"] == "success"


def test_refusals_of_one_function_for_two_reasons_have_each_their_own(spans: Spans, clock: FakeClock) -> None:
    breaker = CircuitBreaker("limited twice", max_in_flight=1, failure_threshold=1, half_open_calls=2, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    guarded = breaker(int)
    probe = breaker.can_execute()
    with pytest.raises(ConcurrencyLimitError):
        guarded()
    breaker.record_failure(permit=probe)
    with pytest.raises(Exception, match="is open"):
        guarded()

    reasons = [(span.attributes or {})["circuit_breaker.rejection.reason"] for span in spans()]
    assert reasons == ["concurrency_limit", "open"]


# --- metrics


def points(metrics: Metrics, name: str) -> dict[str, Any]:
    return {attributes["circuit_breaker.name"]: value for attributes, value in metrics.all_points(name)}


def test_the_limit_and_the_calls_in_flight_are_exported_by_name(metrics: Metrics) -> None:
    breakers = [CircuitBreaker("limited metric", key=key, max_in_flight=3) for key in ("eu", "us")]

    with breakers[0].guard(), breakers[1].guard():
        collected = points(metrics, LIMIT), points(metrics, IN_FLIGHT)

    assert collected == ({"limited metric": 3}, {"limited metric": 2})
    assert points(metrics, IN_FLIGHT) == {"limited metric": 0}


def test_a_name_without_a_limit_has_no_series_of_one(metrics: Metrics) -> None:
    breaker = CircuitBreaker("without a limit")

    collected = metrics.collect()

    assert not {LIMIT, IN_FLIGHT} & collected.keys()
    assert breaker


def test_the_calls_in_flight_of_a_name_whose_circuits_are_gone_are_none(metrics: Metrics) -> None:
    breaker = CircuitBreaker("limited for a while", max_in_flight=3)
    assert points(metrics, IN_FLIGHT) == {"limited for a while": 0}

    del breaker
    gc.collect()

    assert points(metrics, IN_FLIGHT) == {"limited for a while": 0}


def test_refusals_are_counted_by_reason(metrics: Metrics) -> None:
    breaker = CircuitBreaker("limited count", max_in_flight=1)
    be_refused(breaker)
    breaker.force_open()
    for _ in range(2):
        with pytest.raises(Exception, match="forced_open"):
            breaker.call(int)

    counted = {
        attributes["circuit_breaker.rejection.reason"]: value
        for attributes, value in metrics.all_points("circuit_breaker.calls")
        if attributes["circuit_breaker.call.outcome"] == "rejected"
    }
    assert counted == {"open": 0, "half_open": 0, "forced_open": 2, "concurrency_limit": 1}
