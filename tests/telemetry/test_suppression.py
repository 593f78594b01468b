"""Telemetry's own calls, such as an exporter's request, have no spans, and pass patched functions unguarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.telemetry.conftest import MakeSdk


def fail() -> None:
    raise TimeoutError


async def fail_later() -> None:
    raise TimeoutError


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("payments", failure_threshold=1)


def test_a_decorated_call_stays_guarded_and_has_no_span(spans: Spans, breaker: CircuitBreaker) -> None:
    call = breaker(fail)

    with suppress_instrumentation():
        with pytest.raises(TimeoutError):
            call()
        with pytest.raises(CircuitOpenError):
            call()

    assert breaker.state is CircuitState.OPEN
    assert spans() == ()


def test_a_block_stays_guarded_and_has_no_span(spans: Spans, breaker: CircuitBreaker) -> None:
    with suppress_instrumentation(), pytest.raises(TimeoutError), breaker.guard():
        raise TimeoutError

    assert breaker.state is CircuitState.OPEN
    assert spans() == ()


def test_calls_without_a_span_are_counted(spans: Spans, breaker: CircuitBreaker) -> None:
    with suppress_instrumentation():
        breaker.call(int)

    assert breaker.snapshot().calls["success"] == 1


def test_a_patched_call_passes_unguarded_and_has_no_span(spans: Spans, breaker: CircuitBreaker) -> None:
    call = breaker._wrap(fail, patched=True)

    with suppress_instrumentation():
        for _ in range(2):
            with pytest.raises(TimeoutError):
                call()

    assert (breaker.state, set(breaker.snapshot().calls.values())) == (CircuitState.CLOSED, {0})
    assert spans() == ()


async def test_a_patched_coroutine_passes_unguarded(spans: Spans, breaker: CircuitBreaker) -> None:
    call = breaker._wrap(fail_later, patched=True)

    with suppress_instrumentation():
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await call()

    assert breaker.state is CircuitState.CLOSED


def test_a_patched_call_passes_though_the_circuit_is_open(spans: Spans, breaker: CircuitBreaker) -> None:
    call = breaker._wrap(lambda: "passed", patched=True)
    breaker.force_open()

    with suppress_instrumentation():
        result = call()

    assert result == "passed"


def test_without_suppression_a_patched_call_is_guarded_and_has_a_span(spans: Spans, breaker: CircuitBreaker) -> None:
    call = breaker._wrap(fail, patched=True)

    with pytest.raises(TimeoutError):
        call()
    with pytest.raises(CircuitOpenError):
        call()

    assert len(spans()) == 2


def test_a_patched_static_method_stays_patched(spans: Spans, breaker: CircuitBreaker) -> None:
    class Client:
        charge = breaker._wrap(staticmethod(fail), patched=True)

    with suppress_instrumentation(), pytest.raises(TimeoutError):
        Client.charge()

    assert breaker.state is CircuitState.CLOSED


class Sender(SpanExporter):
    """Sends spans through a guarded function."""

    def __init__(self, send: Callable[[], object]) -> None:
        self._send = send

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._send()
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("patched", [True, False])
def test_an_exporter_that_sends_through_a_guarded_function_makes_no_spans_of_its_own(
    make_sdk: MakeSdk, patched: bool
) -> None:
    sent: list[int] = []
    breaker = CircuitBreaker("collector")
    send = breaker._wrap(lambda: sent.append(1), patched=patched)
    finished = make_sdk(ALWAYS_ON, SimpleSpanProcessor(Sender(send)))

    CircuitBreaker("payments").call(int)

    assert [span.name for span in finished()] == ["circuit_breaker payments"]
    assert sent == [1]
    assert breaker.snapshot().calls["success"] == (0 if patched else 1)
