"""Exporters and readers that hang, or that wait for us: no guarded call waits for them, and no lock is held."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

from examples.checkout import configuration
from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker import breaker as breaker_module
from otel_breaker.telemetry.metrics import MetricRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = 200
SOON = 10.0


class Hanging:
    """An exporter of anything, which hangs from its first export until it is released."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.release = threading.Event()

    def export(self, batch: object) -> Any:
        self.reached.set()
        self.release.wait()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.release.set()

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


class HangingSpans(Hanging, SpanExporter):
    pass


class HangingLogs(Hanging, LogRecordExporter):
    pass


@pytest.fixture
def spans_hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    exporter, provider = HangingSpans(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=8, max_export_batch_size=2))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    exporter.release.set()
    provider.shutdown()


@pytest.fixture
def logs_hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    exporter, provider = HangingLogs(), LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=8, max_export_batch_size=2))
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)
    yield exporter
    exporter.release.set()
    provider.shutdown()


@pytest.fixture
def reader_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """A reader that hangs during a collection, in which the SDK holds its lock."""
    monkeypatch.setattr(breaker_module, "METRIC_REGISTRY", MetricRegistry())
    reader, hanging = InMemoryMetricReader(), Hanging()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", provider)
    CircuitBreaker("the first of all")
    provider.get_meter("another's").create_observable_gauge("hanging", [lambda _: [Observation(hanging.export(()))]])
    thread = threading.Thread(target=reader.get_metrics_data, daemon=True)
    thread.start()
    assert hanging.reached.wait(SOON)
    yield hanging
    hanging.release.set()
    thread.join(SOON)
    provider.shutdown()


def fail_and_recover(breaker: CircuitBreaker) -> None:
    with pytest.raises(OSError), breaker.guard():
        raise OSError
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    breaker.reset()
    assert breaker.call(int) == 0


@pytest.mark.parametrize("part", ["spans_hang", "logs_hang"])
@pytest.mark.timeout(60)
def test_a_batch_exporter_that_hangs_blocks_no_call(part: str, request: pytest.FixtureRequest) -> None:
    hanging: Hanging = request.getfixturevalue(part)
    breaker = CircuitBreaker("payments", failure_threshold=1)

    for _ in range(CALLS):  # many times what the queue holds
        fail_and_recover(breaker)

    assert hanging.reached.wait(SOON)
    assert breaker.snapshot().calls["success"] == CALLS


@pytest.mark.timeout(60)
def test_a_reader_that_hangs_blocks_no_call_and_no_new_breaker(reader_hangs: Hanging) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    for _ in range(CALLS):
        fail_and_recover(breaker)

    assert not reader_hangs.release.is_set()
    assert breaker.snapshot().calls["success"] == CALLS


def test_a_simple_processor_that_hangs_blocks_the_call_that_it_exports_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A simple processor exports within the call: it is for tests, and for programs that can wait."""
    exporter, provider = HangingSpans(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    breaker = CircuitBreaker("payments", failure_threshold=1)
    thread = threading.Thread(target=breaker.call, args=(int,), daemon=True)
    thread.start()
    assert exporter.reached.wait(SOON)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)

    fail_and_recover(breaker)

    assert thread.is_alive()
    exporter.release.set()
    thread.join(SOON)
    assert breaker.snapshot().calls["success"] == 2


# --- locks


def returns_in_another_thread(function: Callable[[], object]) -> bool:
    """Whether a function returns in another thread while this one waits."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(SOON)
    return not thread.is_alive()


def use(breaker: CircuitBreaker) -> None:
    breaker.snapshot()
    breaker.can_execute()


@pytest.mark.timeout(60)
def test_a_listener_may_wait_for_another_thread_that_uses_the_breaker() -> None:
    answered: list[bool] = []
    breaker = CircuitBreaker("payments", failure_threshold=1)
    breaker.add_listener(lambda change: answered.append(returns_in_another_thread(lambda: use(breaker))))

    fail_and_recover(breaker)

    assert answered == [True, True]


@pytest.mark.timeout(60)
def test_an_exporter_may_wait_for_another_thread_that_uses_the_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[bool] = []
    breaker = CircuitBreaker("payments", failure_threshold=1)

    class ExporterThatWaits(HangingSpans):
        def export(self, batch: object) -> Any:
            answered.append(returns_in_another_thread(breaker.snapshot))

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ExporterThatWaits()))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    fail_and_recover(breaker)

    assert answered == [True] * 3


@pytest.mark.timeout(60)
def test_instruments_are_made_while_a_reader_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader holds a lock of the SDK during our callback, and creating an instrument needs that lock."""
    monkeypatch.setattr(breaker_module, "METRIC_REGISTRY", MetricRegistry())
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", provider)
    create = Meter.create_observable_up_down_counter
    collected: list[bool] = []

    def create_while_collecting(*args: Any, **kwargs: Any) -> object:
        collected.append(returns_in_another_thread(reader.get_metrics_data))
        return create(*args, **kwargs)

    monkeypatch.setattr(Meter, "create_observable_up_down_counter", create_while_collecting)
    CircuitBreaker("payments")

    assert set(collected) == {True}


# --- the end of the program


def test_calls_go_on_after_the_sdk_was_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing, logging = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(BatchSpanProcessor(HangingSpans()))
    logging.add_log_record_processor(BatchLogRecordProcessor(HangingLogs()))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracing)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", logging)
    tracing.shutdown()
    logging.shutdown()

    fail_and_recover(CircuitBreaker("payments", failure_threshold=1))


@pytest.mark.processes
def test_at_the_end_of_a_program_breakers_are_released_and_no_other_hook_of_the_package_runs() -> None:
    program = """
import atexit, logging
from opentelemetry import trace, metrics, _logs
before = atexit._ncallbacks()

from otel_breaker import get_breaker
with get_breaker("payments", key="a").guard():
    pass
print(atexit._ncallbacks() - before)
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=configuration.clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "1\n"
