"""Without an SDK, switched off or not sampled: the caller's span is not hidden, and no span lacks its parent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import NonRecordingSpan, NoOpTracerProvider, SpanContext, TraceFlags, set_span_in_context

from otel_breaker import CircuitBreaker
from tests.telemetry.conftest import WatchingSampler

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from tests.telemetry.conftest import MakeSdk

SAMPLED_ELSEWHERE = SpanContext(trace_id=1, span_id=2, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT))


def tracer() -> Tracer:
    return trace.get_tracer("application")


def work() -> None:
    tracer().start_span("work").end()


def test_without_an_sdk_nothing_is_made_current(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)

    current = CircuitBreaker("payments").call(trace.get_current_span)

    assert current is trace.INVALID_SPAN
    assert caplog.messages == []


def test_a_provider_that_makes_no_spans_does_not_hide_the_callers_span(
    make_sdk: MakeSdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = make_sdk()
    with tracer().start_as_current_span("caller") as caller:
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", NoOpTracerProvider())

        current = CircuitBreaker("payments").call(trace.get_current_span)

    assert current is caller
    assert [span.name for span in finished()] == ["caller"]


@pytest.mark.processes
def test_a_tracer_that_is_switched_off_does_not_hide_the_callers_span() -> None:
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from otel_breaker import CircuitBreaker

class Switched(TracerProvider):
    def get_tracer(self, name, *rest, **more):
        return trace.NoOpTracer() if name == "otel_breaker" else super().get_tracer(name, *rest, **more)

trace.set_tracer_provider(Switched(shutdown_on_exit=False))
with trace.get_tracer("application").start_as_current_span("caller") as caller:
    with CircuitBreaker("payments").guard():
        assert trace.get_current_span() is caller
"""

    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_the_children_of_a_call_are_not_sampled_when_the_call_is_not(make_sdk: MakeSdk) -> None:
    sampler = WatchingSampler(ParentBased(ALWAYS_OFF))
    finished = make_sdk(sampler)

    CircuitBreaker("payments").call(work)

    assert [start.name for start in sampler.starts] == ["circuit_breaker payments", "work"]
    assert finished() == []


def test_the_children_of_an_unsampled_call_belong_to_its_trace(make_sdk: MakeSdk) -> None:
    make_sdk(ALWAYS_OFF)
    seen: list[SpanContext] = []

    CircuitBreaker("payments").call(lambda: seen.append(trace.get_current_span().get_span_context()))

    assert seen[0].is_valid
    assert not seen[0].trace_flags.sampled


def test_a_parent_that_is_not_recorded_is_still_the_root_of_the_calls_children(make_sdk: MakeSdk) -> None:
    finished = make_sdk(ParentBased(ALWAYS_OFF))
    seen: list[SpanContext] = []
    token = otel_context.attach(set_span_in_context(NonRecordingSpan(SAMPLED_ELSEWHERE)))
    try:
        CircuitBreaker("payments").call(lambda: seen.append(trace.get_current_span().get_span_context()))
        after = trace.get_current_span().get_span_context()
    finally:
        otel_context.detach(token)

    assert (seen[0].trace_id, after) == (SAMPLED_ELSEWHERE.trace_id, SAMPLED_ELSEWHERE)
    assert finished() == []
