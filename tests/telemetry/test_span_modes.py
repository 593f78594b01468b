"""Which calls have a span, and the attributes of spans in other modes and states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from otel_breaker import CircuitBreaker
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

    from tests.conftest import Spans
    from tests.telemetry.conftest import MakeSdk

CLOSED = {"circuit_breaker.name": "payments", "circuit_breaker.state": "closed"}


class Declined(Exception):
    pass


def charge(error: BaseException | None = None) -> None:
    if error is not None:
        raise error


def status(span: ReadableSpan) -> tuple[StatusCode, str | None]:
    return span.status.status_code, span.status.description


def test_every_span_of_a_shadow_has_its_mode(spans: Spans) -> None:
    with CircuitBreaker("payments", mode="shadow").guard():
        pass

    assert spans.last().attributes == {
        **CLOSED,
        "circuit_breaker.mode": "shadow",
        "circuit_breaker.call.outcome": "success",
    }


def test_a_call_that_a_shadow_would_have_refused_has_that_attribute_and_its_outcome(spans: Spans) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    with pytest.raises(Declined):
        breaker.call(charge, Declined())

    breaker.call(charge)

    trip, span = spans()
    assert span.attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "open",
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.mode": "shadow",
        "circuit_breaker.shadow.rejected": True,
        "circuit_breaker.rejection.reason": "open",
        "circuit_breaker.episode": breaker.snapshot().episode,
        "circuit_breaker.link": "opening",
        "circuit_breaker.call.outcome": "success",
    }
    assert [link.context for link in span.links] == [trip.context]
    assert status(span)[0] is StatusCode.UNSET


def test_a_breaker_that_is_off_makes_no_span(spans: Spans) -> None:
    CircuitBreaker("payments", mode="off").call(charge)

    assert spans() == ()


def test_a_breaker_that_is_switched_off_stops_making_spans(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")
    call = breaker(charge)
    call()

    breaker._replace_settings(Settings.from_mapping({"mode": "off"}))
    call()

    assert len(spans()) == 1


def test_a_call_in_a_circuit_forced_closed_has_that_state(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")
    breaker.force_closed()

    with pytest.raises(Declined):
        breaker.call(charge, Declined())

    assert spans.last().attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "forced_closed",
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "failure",
        "error.type": f"{__name__}.Declined",
    }


# --- which provider makes spans, and when


def test_calls_in_two_steps_make_no_span(spans: Spans) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    breaker.record_success(breaker.can_execute())
    breaker.record_failure(permit=breaker.can_execute())
    breaker.can_execute()

    assert spans() == ()


def test_an_sdk_that_is_set_up_after_a_function_was_guarded_is_noticed(make_sdk: MakeSdk) -> None:
    call = CircuitBreaker("payments")(charge)
    call()

    finished = make_sdk()
    call()

    assert len(finished()) == 1


def test_an_sdk_that_replaces_another_gets_the_spans_from_then_on(make_sdk: MakeSdk) -> None:
    call = CircuitBreaker("payments")(charge)

    first = make_sdk()
    call()
    second = make_sdk()
    call()

    assert (len(first()), len(second())) == (1, 1)


def test_an_sdk_is_asked_for_a_tracer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class WatchedProvider(TracerProvider):
        asked = 0

        def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
            self.asked += 1
            return super().get_tracer(*args, **kwargs)

    provider = WatchedProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    breaker = CircuitBreaker("payments")

    breaker.call(charge)
    breaker.call(charge)

    assert provider.asked == 1


def test_a_span_lasts_as_long_as_the_call(spans: Spans) -> None:
    before: list[int] = []
    breaker = CircuitBreaker("payments")

    breaker.call(lambda: before.append(len(spans())))

    assert before == [0]
    span = spans.last()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= span.end_time
