"""Features that older releases of OpenTelemetry's API lack; `tests/wheel.py` tries the releases themselves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs
from opentelemetry._logs import NoOpLogger
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import Span

from otel_breaker import CircuitBreaker, configure
from otel_breaker.telemetry import api_features, events
from otel_breaker.telemetry.traces import durations, span_attributes
from tests.telemetry.conftest import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def opened(name: str = "payments") -> CircuitBreaker:
    breaker = CircuitBreaker(name)
    breaker.force_open()
    return breaker


@pytest.fixture
def without_enabled(monkeypatch: pytest.MonkeyPatch) -> Callable[..., InMemoryLogRecordExporter]:
    """An SDK whose loggers have no `enabled`, as before 1.45."""

    class Older:
        def __init__(self, logger: Any) -> None:
            self._multi_log_record_processor = logger._multi_log_record_processor
            self.emit = logger.emit

    def make(*, exporting: bool) -> InMemoryLogRecordExporter:
        exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
        provider = LoggerProvider(shutdown_on_exit=False)
        if exporting:
            provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)
        monkeypatch.setattr(events, "get_logger", lambda *args: Older(_logs.get_logger(*args)))
        return exporter

    return make


def test_a_state_change_is_a_log_event_where_loggers_have_no_enabled(
    without_enabled: Callable[..., InMemoryLogRecordExporter], caplog: pytest.LogCaptureFixture
) -> None:
    exporter = without_enabled(exporting=True)

    opened()

    [event] = exporter.get_finished_logs()
    assert event.log_record.event_name == "circuit_breaker.state_change"
    assert caplog.records == []


def test_a_state_change_is_logged_where_such_a_logger_has_no_processor(
    without_enabled: Callable[..., InMemoryLogRecordExporter], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    without_enabled(exporting=False)

    opened()

    assert [record.name for record in caplog.records] == ["otel_breaker.state_change"]


def test_a_state_change_is_logged_where_such_a_logger_is_the_apis_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.delattr(NoOpLogger, "enabled")
    monkeypatch.setattr(_logs.Logger, "enabled", None)
    monkeypatch.setattr(events, "get_logger", lambda *_: NoOpLogger("none"))

    opened()

    assert [record.name for record in caplog.records] == ["otel_breaker.state_change"]


def test_a_state_change_is_logged_where_loggers_take_no_events(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(events, "LOGGERS_EMIT_EVENTS", False)
    monkeypatch.setattr(events, "get_logger", lambda *_: pytest.fail("an older SDK would choke on what it is given"))

    opened()

    assert [record.name for record in caplog.records] == ["otel_breaker.state_change"]


def test_durations_are_measured_where_histograms_take_no_context(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Histogram.record

    def record_without_context(histogram: Any, amount: float, attributes: Any = None) -> None:
        record(histogram, amount, attributes)

    monkeypatch.setattr(Histogram, "record", record_without_context)
    monkeypatch.setattr(durations, "HISTOGRAMS_TAKE_A_CONTEXT", False)
    reader = InMemoryMetricReader()
    configure(meter_provider=MeterProvider([reader], shutdown_on_exit=False), duration_histogram=True)

    CircuitBreaker("payments").call(int)

    points: Any = Metrics(reader).collect()["circuit_breaker.call.duration"].data.data_points
    assert [point.count for point in points] == [1]


def test_a_trip_is_an_event_where_spans_cannot_link_after_their_start(
    monkeypatch: pytest.MonkeyPatch, spans: Spans, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(Span, "add_link")
    monkeypatch.setattr(span_attributes, "SPANS_ADD_LINKS", False)

    breaker = CircuitBreaker("payments", slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1, clock=clock)

    with breaker.guard():
        clock.advance(1)
        with breaker.guard():
            clock.advance(1)

    noticed, _ = spans()
    assert [event.name for event in noticed.events] == ["circuit_breaker.state_change"]
    assert "tracing failed" not in caplog.text


def test_a_span_ends_though_its_status_cannot_be_set(
    monkeypatch: pytest.MonkeyPatch, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Span, "set_status", lambda *_: 1 / 0)

    with pytest.raises(OSError), CircuitBreaker("payments").guard():
        raise OSError

    assert len(spans()) == 1
    assert "tracing failed" in caplog.text


def test_parts_of_the_api_are_distinguished_from_parts_of_an_sdk() -> None:
    assert api_features.is_api_default(NoOpLogger("none"))
    assert not api_features.is_api_default(MeterProvider(shutdown_on_exit=False))
