"""The span of a call is the current one during the call, and its parent is the caller's, for each way to end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context

from otel_breaker import CircuitBreaker, CircuitOpenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

    from tests.conftest import Spans


def tracer() -> Tracer:
    return trace.get_tracer("application")


def work() -> None:
    tracer().start_span("work").end()


async def work_later() -> None:
    await asyncio.sleep(0)
    work()


def named(spans: Callable[[], Iterable[ReadableSpan]], name: str) -> ReadableSpan:
    (span,) = [span for span in spans() if span.name == name]
    assert span.context is not None
    return span


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return (
        child.parent is not None
        and parent.context is not None
        and (child.parent.span_id, child.parent.trace_id) == (parent.context.span_id, parent.context.trace_id)
    )


# --- parents and children


def test_a_guarded_call_is_a_child_of_its_caller_and_a_parent_of_what_it_does(spans: Spans) -> None:
    with tracer().start_as_current_span("caller"):
        CircuitBreaker("payments").call(work)

    call = named(spans, "circuit_breaker payments")
    assert is_child(call, named(spans, "caller"))
    assert is_child(named(spans, "work"), call)


async def test_a_guarded_coroutine_is_a_parent_of_what_it_does(spans: Spans) -> None:
    with tracer().start_as_current_span("caller"):
        await CircuitBreaker("payments").call(work_later)

    call = named(spans, "circuit_breaker payments")
    assert is_child(call, named(spans, "caller"))
    assert is_child(named(spans, "work"), call)


def test_a_block_is_a_parent_of_what_is_done_in_it(spans: Spans) -> None:
    with CircuitBreaker("payments").guard():
        work()

    assert is_child(named(spans, "work"), named(spans, "circuit_breaker payments"))


def test_a_nested_call_of_another_breaker_is_a_child(spans: Spans) -> None:
    with CircuitBreaker("orders").guard(), CircuitBreaker("payments").guard():
        pass

    assert is_child(named(spans, "circuit_breaker payments"), named(spans, "circuit_breaker orders"))


def test_a_refused_call_is_a_child_of_its_caller(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    with tracer().start_as_current_span("caller"), pytest.raises(CircuitOpenError):
        breaker.call(work)

    assert is_child(named(spans, "circuit_breaker payments"), named(spans, "caller"))


@pytest.mark.parametrize("ends", ["well", "badly", "refused"])
def test_after_the_call_the_caller_is_current_again(spans: Spans, ends: str) -> None:
    breaker = CircuitBreaker("payments")
    if ends == "refused":
        breaker.force_open()

    with tracer().start_as_current_span("caller") as caller:
        with contextlib.suppress(ValueError, CircuitOpenError):
            breaker.call(int, "7" if ends == "well" else "no number")

        assert trace.get_current_span() is caller


def test_baggage_reaches_the_guarded_call(spans: Spans) -> None:
    token = otel_context.attach(baggage.set_baggage("tenant", "7"))
    try:
        tenant = CircuitBreaker("payments").call(baggage.get_baggage, "tenant")
    finally:
        otel_context.detach(token)

    assert tenant == "7"


async def test_calls_of_concurrent_tasks_keep_their_own_parents(spans: Spans) -> None:
    breaker = CircuitBreaker("payments")

    async def request(name: str) -> None:
        with tracer().start_as_current_span(name):
            await breaker.call(asyncio.sleep, 0)

    await asyncio.gather(request("first"), request("second"))

    calls = [span for span in spans() if span.name == "circuit_breaker payments"]
    assert sorted(is_child(call, named(spans, "first")) for call in calls) == [False, True]
    assert sorted(is_child(call, named(spans, "second")) for call in calls) == [False, True]


# --- blocks that are left in another context or thread


def test_a_block_left_in_another_context_ends_its_span_and_logs_no_error(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    guard = CircuitBreaker("payments").guard()

    contextvars.Context().run(guard.__enter__)
    with caplog.at_level(logging.WARNING):
        contextvars.Context().run(guard.__exit__, None, None, None)

    assert (spans.last().attributes or {})["circuit_breaker.call.outcome"] == "success"
    assert caplog.messages == []


def test_a_block_left_in_another_thread_leaves_the_span_that_is_current_there(spans: Spans) -> None:
    guard = CircuitBreaker("payments").guard()

    def leave() -> bool:
        with tracer().start_as_current_span("other") as other:
            guard.__exit__(None, None, None)
            return trace.get_current_span() is other

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as another:
        one.submit(guard.__enter__).result()

        assert another.submit(leave).result()


def test_blocks_that_are_left_in_the_wrong_order_end_both_spans(spans: Spans) -> None:
    first, second = CircuitBreaker("first").guard(), CircuitBreaker("second").guard()

    with tracer().start_as_current_span("caller"):
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)

    assert [span.name for span in spans()] == ["circuit_breaker first", "circuit_breaker second", "caller"]


def test_two_blocks_entered_in_turn_in_one_context_leave_the_caller_current(spans: Spans) -> None:
    with tracer().start_as_current_span("caller") as caller:
        for _ in range(2):
            with CircuitBreaker("payments").guard():
                pass

        assert trace.get_current_span() is caller
