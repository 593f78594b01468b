"""Exemplars of the duration histogram refer to the spans of their calls."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_breaker import CircuitBreaker, CircuitOpenError, configure

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.telemetry.conftest import MakeSdk
    from tests.telemetry.durations import Durations


def exemplars(durations: Durations) -> list[tuple[Any, Any]]:
    return [(each.span_id, each.trace_id) for point in durations.points() for each in point.exemplars]


@pytest.mark.parametrize("error", [None, TimeoutError()], ids=["success", "failure"])
def test_an_exemplar_leads_to_the_span_of_the_call(
    error: BaseException | None, durations: Durations, spans: Spans
) -> None:
    with trace.get_tracer("application").start_as_current_span("caller"), suppress(TimeoutError):
        CircuitBreaker("payments").call(durations.take, 1, error)

    call = spans()[0].context
    assert call is not None
    assert exemplars(durations) == [(call.span_id, call.trace_id)]


def test_an_exemplar_of_a_refusal_leads_to_its_span(durations: Durations, spans: Spans) -> None:
    breaker = CircuitBreaker("payments")
    breaker.force_open()
    with suppress(CircuitOpenError):
        breaker.call(int)

    refusal = spans.last().context
    assert refusal is not None
    assert exemplars(durations) == [(refusal.span_id, refusal.trace_id)]


def test_an_exemplar_leads_to_a_span_that_was_made_afterwards(durations: Durations, spans: Spans) -> None:
    configure(spans="problems")
    with trace.get_tracer("application").start_as_current_span("caller"), suppress(TimeoutError):
        CircuitBreaker("payments").call(durations.take, 1, TimeoutError())

    failure = spans()[0].context
    assert failure is not None
    assert exemplars(durations) == [(failure.span_id, failure.trace_id)]


@pytest.mark.parametrize("spans_setting", ["problems", "off"])
def test_an_exemplar_of_a_call_without_a_span_leads_to_its_caller(
    spans_setting: Any, durations: Durations, spans: Spans
) -> None:
    configure(spans=spans_setting)
    with trace.get_tracer("application").start_as_current_span("caller"):
        CircuitBreaker("payments").call(int)

    caller = spans.last().context
    assert caller is not None
    assert exemplars(durations) == [(caller.span_id, caller.trace_id)]


def test_there_is_no_exemplar_where_spans_are_not_sampled(durations: Durations, make_sdk: MakeSdk) -> None:
    make_sdk(ALWAYS_OFF)

    CircuitBreaker("payments").call(int)

    assert durations.by() == {(): (1, 0)}
    assert exemplars(durations) == []
