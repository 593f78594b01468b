"""`spans: off`: no call has a span, and every call is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context, trace

from otel_breaker import CircuitBreaker, configure
from tests.telemetry.entries import (
    ask,
    by_function,
    every_entry,
    ours,
    payments,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics

    Entry = Callable[[CircuitBreaker, Callable[[], object]], object]


@every_entry
def test_with_spans_off_no_call_has_a_span_and_its_work_hangs_under_the_caller(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="off")
    breaker = payments(clock)

    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        for error in (None, TimeoutError(), TimeoutError(), None):  # the last is refused
            ask(breaker, entry, error)

    assert ours(spans()) == []
    parents = [span.parent for span in spans() if span.name == "work"]
    assert parents == [caller.get_span_context()] * 3


def test_with_spans_off_nothing_is_made_current(spans: Spans) -> None:
    configure(spans="off")
    before, within = context.get_current(), []

    CircuitBreaker("payments").call(lambda: within.append(context.get_current()))

    assert within == [before]
    assert within[0] is before


def test_with_spans_off_calls_are_counted_and_state_changes_logged(
    spans: Spans, metrics: Metrics, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    configure(spans="off")
    breaker = payments(clock, failure_threshold=1)

    with caplog.at_level("WARNING", "otel_breaker.state_change"):
        for error in (None, TimeoutError(), None):
            ask(breaker, by_function, error)

    assert metrics.points("circuit_breaker.calls", "call.outcome") == {
        ("success",): 1,
        ("failure",): 1,
        ("rejected",): 1,
    }
    assert metrics.points("circuit_breaker.state_changes", "state_change.to") == {("open",): 1}
    assert len(caplog.records) == 1
    assert ours(spans()) == []
