"""The span of a call that a closed circuit admitted: its name, kind, attributes, status and events, exactly."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from otel_breaker import CircuitBreaker, CircuitOpenError, Settings, __version__
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.telemetry.traces import call_tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock

CLOSED = {"circuit_breaker.name": "payments", "circuit_breaker.state": "closed"}


class Declined(Exception):
    pass


def charge(error: BaseException | None = None) -> None:
    if error is not None:
        raise error


async def charge_later(error: BaseException | None = None) -> None:
    charge(error)


class Client:
    def charge(self) -> None:
        pass

    @classmethod
    def charge_for_all(cls) -> None:
        pass

    def __call__(self) -> None:
        pass


def status(span: ReadableSpan) -> tuple[StatusCode, str | None]:
    return span.status.status_code, span.status.description


def function_of(span: ReadableSpan) -> Any:
    return dict(span.attributes or {})["code.function.name"]


def test_a_success_is_a_span_without_links_or_events(spans: Spans) -> None:
    CircuitBreaker("payments").call(charge)

    (span,) = spans()
    assert (span.name, span.kind) == ("circuit_breaker payments", SpanKind.INTERNAL)
    assert span.attributes == {
        **CLOSED,
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "success",
    }
    assert status(span) == (StatusCode.UNSET, None)
    assert (list(span.events), list(span.links)) == ([], [])


def test_spans_are_made_by_the_scope_of_the_library_with_its_version(spans: Spans) -> None:
    CircuitBreaker("payments").call(charge)

    scope = spans.last().instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("otel_breaker", __version__)


def test_a_failure_is_an_error_named_by_its_type_and_nothing_else(spans: Spans) -> None:
    with pytest.raises(TimeoutError):
        CircuitBreaker("payments").call(charge, TimeoutError("after 3 s"))

    (span,) = spans()
    assert span.attributes == {
        **CLOSED,
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "failure",
        "error.type": "TimeoutError",
    }
    assert status(span) == (StatusCode.ERROR, None)
    assert list(span.events) == []


async def test_a_coroutine_function_has_the_span_of_a_function(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")

    await breaker.call(charge_later)
    with pytest.raises(Declined):
        await breaker.call(charge_later, Declined())

    function = {**CLOSED, "code.function.name": f"{__name__}.charge_later"}
    assert [span.attributes for span in spans()] == [
        {**function, "circuit_breaker.call.outcome": "success"},
        {**function, "circuit_breaker.call.outcome": "failure", "error.type": f"{__name__}.Declined"},
    ]


def test_an_ignored_exception_is_still_an_error_of_the_span(spans: Spans) -> None:
    with pytest.raises(Declined):
        CircuitBreaker("payments", ignore=Declined).call(charge, Declined())

    (span,) = spans()
    assert span.attributes == {
        **CLOSED,
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "ignored",
        "error.type": f"{__name__}.Declined",
    }
    assert status(span)[0] is StatusCode.ERROR


def test_a_call_that_another_circuit_refused_is_ignored_and_still_an_error(spans: Spans) -> None:
    other = CircuitBreaker("cards")
    other.force_open()

    with pytest.raises(CircuitOpenError), CircuitBreaker("payments").guard(), other.guard():
        pytest.fail("the inner circuit is open")

    _, span = spans()
    assert span.attributes == {
        **CLOSED,
        "circuit_breaker.call.outcome": "ignored",
        "error.type": "otel_breaker.errors.CircuitOpenError",
    }


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_cancelled_call_is_no_error(spans: Spans, stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        CircuitBreaker("payments").call(charge, stop())

    (span,) = spans()
    assert span.attributes == {
        **CLOSED,
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "cancelled",
    }
    assert status(span) == (StatusCode.UNSET, None)


def test_a_result_that_is_a_failure_is_an_error_without_a_name(spans: Spans) -> None:
    CircuitBreaker("payments", failure_result=lambda result: result is None).call(charge)

    (span,) = spans()
    assert span.attributes == {
        **CLOSED,
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.call.outcome": "failure",
        "error.type": "_OTHER",
    }


def test_a_block_has_no_function(spans: Spans) -> None:
    with CircuitBreaker("payments").guard():
        pass

    assert spans.last().attributes == {**CLOSED, "circuit_breaker.call.outcome": "success"}


async def test_an_async_block_has_the_span_of_any_other(spans: Spans) -> None:
    async with CircuitBreaker("payments").guard():
        pass

    assert spans.last().attributes == {**CLOSED, "circuit_breaker.call.outcome": "success"}


def test_a_block_that_is_marked_failed_is_an_error_of_the_given_type(spans: Spans) -> None:
    with CircuitBreaker("payments").guard() as call:
        call.failed("503")

    (span,) = spans()
    assert span.attributes == {**CLOSED, "circuit_breaker.call.outcome": "failure", "error.type": "503"}
    assert status(span) == (StatusCode.ERROR, None)


def test_a_block_that_is_marked_failed_and_raises_is_an_error_of_the_given_type(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")

    def declined() -> None:
        with breaker.guard() as call:
            call.failed("503")
            raise Declined

    with pytest.raises(Declined):
        declined()

    assert (spans.last().attributes or {})["error.type"] == breaker.snapshot().last_failure_type == "503"


def test_a_block_that_is_ignored_and_does_not_raise_is_no_error(spans: Spans) -> None:
    with CircuitBreaker("payments").guard() as call:
        call.ignored()

    (span,) = spans()
    assert span.attributes == {**CLOSED, "circuit_breaker.call.outcome": "ignored"}
    assert status(span) == (StatusCode.UNSET, None)


def test_a_slow_call_has_the_attribute_slow(spans: Spans, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", slow_call_duration=2, slow_call_rate=1, clock=clock)

    with breaker.guard():
        clock.advance(1.9)
    with breaker.guard():
        clock.advance(2)

    quick, slow = spans()
    assert "circuit_breaker.call.slow" not in (quick.attributes or {})
    assert slow.attributes == {
        **CLOSED,
        "circuit_breaker.call.outcome": "success",
        "circuit_breaker.call.slow": True,
    }


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (Client().charge, "Client.charge"),
        (Client.charge_for_all, "Client.charge_for_all"),
        (partial(partial(charge, None)), "charge"),
        (Client(), "Client"),
    ],
)
def test_a_function_of_any_kind_has_its_full_name(spans: Spans, function: Any, name: str) -> None:
    CircuitBreaker("payments").call(function)

    assert function_of(spans.last()) == f"{__name__}.{name}"


def test_the_name_of_a_function_may_be_given(spans: Spans) -> None:
    CircuitBreaker("payments")._wrap(charge, name="shop.payments.Client.charge")()

    assert function_of(spans.last()) == "shop.payments.Client.charge"


def test_a_call_of_a_keyed_circuit_has_its_key(spans: Spans) -> None:
    CircuitBreaker("http", key="api.example.com").call(charge)

    (span,) = spans()
    assert (span.name, (span.attributes or {})["circuit_breaker.key"]) == ("circuit_breaker http", "api.example.com")


def test_calls_of_more_keys_than_are_kept_have_their_own_key(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_tracer, "_MOST_KEYS", 2)
    guarded = guard_by_key(KeyedBreaker("http", Settings()), str, str)
    keys = ["a", "b", "a", "c", "b"]

    for key in keys:
        guarded(key)

    assert [(span.attributes or {})["circuit_breaker.key"] for span in spans()] == keys
    assert len(vars(guarded)["__circuit_breaker_tracer__"]._with_key) <= 2
