"""`record_exceptions`: OpenTelemetry's own event `exception` on the span of a call whose caller sees an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, configure
from otel_breaker.telemetry.names import EVENT_STATE_CHANGE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans

every_spans_setting = pytest.mark.parametrize("spans_setting", ["all", "problems"])


class Declined(Exception):
    pass


class Unprintable(Exception):
    def __str__(self) -> str:
        raise OSError("no text")


def charge(error: BaseException) -> None:
    raise error


def exceptions(span: ReadableSpan) -> list[dict[str, Any]]:
    return [dict(event.attributes or {}) for event in span.events if event.name == "exception"]


@every_spans_setting
def test_a_failed_call_records_the_type_the_text_and_the_traceback(spans_setting: Any, spans: Spans) -> None:
    configure(record_exceptions=True, spans=spans_setting)

    with pytest.raises(Declined):
        CircuitBreaker("payments").call(charge, Declined("card 4711"))

    (event,) = exceptions(spans.last())
    assert event["exception.type"] == f"{__name__}.Declined"
    assert event["exception.message"] == "card 4711"
    assert "in charge" in event["exception.stacktrace"]
    assert (spans.last().attributes or {})["error.type"] == f"{__name__}.Declined"


@every_spans_setting
def test_without_the_setting_no_exception_is_recorded(spans_setting: Any, spans: Spans) -> None:
    configure(spans=spans_setting)

    with pytest.raises(Declined):
        CircuitBreaker("payments").call(charge, Declined("card 4711"))

    assert exceptions(spans.last()) == []
    assert spans.last().status.description is None


def test_an_ignored_error_is_recorded_too(spans: Spans) -> None:
    configure(record_exceptions=True)

    with pytest.raises(Declined):
        CircuitBreaker("payments", ignore=[Declined]).call(charge, Declined("card"))

    assert len(exceptions(spans.last())) == 1


def test_a_refusal_is_not_recorded_as_an_exception(spans: Spans) -> None:
    configure(record_exceptions=True)
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    with pytest.raises(CircuitOpenError), breaker.guard():
        pass

    assert [exceptions(span) for span in spans()] == [[], []]


def test_an_exception_of_a_fallback_is_recorded(spans: Spans) -> None:
    configure(record_exceptions=True)
    breaker = CircuitBreaker("payments", fallback=charge)
    breaker.force_open()

    with pytest.raises(Declined):
        breaker.call(charge, Declined("fallback"))

    assert [event["exception.message"] for event in exceptions(spans.last())] == ["fallback"]


def test_a_cancelled_call_records_no_exception(spans: Spans) -> None:
    configure(record_exceptions=True)

    with pytest.raises(asyncio.CancelledError):
        CircuitBreaker("payments").call(charge, asyncio.CancelledError())

    assert exceptions(spans.last()) == []


def test_a_failure_without_an_exception_records_none(spans: Spans) -> None:
    configure(record_exceptions=True)

    with CircuitBreaker("payments").guard() as block:
        block.failed("503")

    assert exceptions(spans.last()) == []


def test_an_exception_without_a_text_hides_nothing_else(spans: Spans) -> None:
    configure(record_exceptions=True)
    error = Unprintable()

    with pytest.raises(Unprintable) as raised:
        CircuitBreaker("payments", failure_threshold=1).call(charge, error)

    assert raised.value is error
    assert [event.name for event in spans.last().events] == [EVENT_STATE_CHANGE]
    assert (spans.last().attributes or {})["error.type"] == f"{__name__}.Unprintable"
