"""Guarded functions that a sampler or a span processor calls are guarded, and have no spans of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.telemetry.conftest import WatchingSampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.sampling import SamplingResult

    from tests.telemetry.conftest import MakeSdk


class Calling(SpanProcessor):
    """Calls a function at the start or the end of each span, or at both."""

    def __init__(self, function: Callable[[], object], *, at: str) -> None:
        self._function = function
        self._at = at

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._at != "end":
            self._function()

    def on_end(self, span: ReadableSpan) -> None:
        if self._at != "start":
            self._function()


@pytest.mark.parametrize("at", ["start", "end", "both"])
def test_a_guarded_function_that_a_processor_calls_has_no_span(at: str, make_sdk: MakeSdk) -> None:
    breaker = CircuitBreaker("masks")
    mask = breaker(lambda: "masked")
    finished = make_sdk(ALWAYS_ON, Calling(mask, at=at))

    CircuitBreaker("payments").call(int)

    assert [span.name for span in finished()] == ["circuit_breaker payments"]
    assert breaker.snapshot().calls["success"] == (2 if at == "both" else 1)


def test_a_refusal_within_a_processor_has_no_span(make_sdk: MakeSdk) -> None:
    masks = CircuitBreaker("masks")
    masks.force_open()

    def mask() -> None:
        with pytest.raises(CircuitOpenError):
            masks.call(int)

    finished = make_sdk(ALWAYS_ON, Calling(mask, at="both"))

    CircuitBreaker("payments").call(int)

    assert [span.name for span in finished()] == ["circuit_breaker payments"]


def test_a_guarded_function_that_a_sampler_calls_has_no_span(make_sdk: MakeSdk) -> None:
    decide = CircuitBreaker("decisions")(lambda: True)

    class CallingSampler(WatchingSampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            decide()
            return super().should_sample(*args, **kwargs)

    finished = make_sdk(CallingSampler())

    CircuitBreaker("payments").call(int)

    assert [span.name for span in finished()] == ["circuit_breaker payments"]


def test_the_next_call_of_the_thread_has_its_span_again(make_sdk: MakeSdk) -> None:
    mask = CircuitBreaker("masks")(lambda: "masked")
    finished = make_sdk(ALWAYS_ON, Calling(mask, at="both"))

    for _ in range(2):
        CircuitBreaker("payments").call(int)
    with trace.get_tracer("shop").start_as_current_span("request"):
        mask()

    assert [span.name for span in finished()].count("circuit_breaker payments") == 2
    assert "circuit_breaker masks" in [span.name for span in finished()]
