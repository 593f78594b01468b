"""The sources of telemetry settings, their precedence, and when settings take effect."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_breaker import CircuitBreaker, InvalidSettings, configure
from otel_breaker.settings import Events, Spans, TelemetrySettings
from otel_breaker.telemetry import configuration
from tests.telemetry.conftest import Metrics
from tests.telemetry.faulty_sdk import broken, faulty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Spans as FinishedSpans
    from tests.telemetry.conftest import MakeSdk


def in_force() -> TelemetrySettings:
    return configuration.TELEMETRY.settings


def charge() -> None:
    pass


# --- who wins


def test_a_setting_that_no_source_has_keeps_its_default() -> None:
    configure(spans="off")

    assert in_force() == TelemetrySettings(spans=Spans.OFF)


def test_a_setting_that_code_does_not_repeat_stays_as_it_was() -> None:
    configure(spans="off", events="log")
    configure(events="span")

    assert (in_force().spans, in_force().events) == (Spans.OFF, Events.SPAN)


def test_a_file_wins_over_code_whichever_comes_first() -> None:
    configure(spans="off")
    configuration.TELEMETRY.set_from_file({"spans": "problems"})
    configure(spans="all", events="log")

    assert (in_force().spans, in_force().events) == (Spans.PROBLEMS, Events.LOG)


def test_a_setting_that_the_file_drops_has_the_value_of_code_again() -> None:
    configure(spans="off")
    configuration.TELEMETRY.set_from_file({"spans": "problems"})
    configuration.TELEMETRY.set_from_file({})

    assert in_force().spans is Spans.OFF


def test_the_environment_wins_over_file_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_SPANS", "problems")
    CircuitBreaker("payments")

    configure(spans="all", events="log")
    configuration.TELEMETRY.set_from_file({"spans": "off"})

    assert (in_force().spans, in_force().events) == (Spans.PROBLEMS, Events.LOG)


@pytest.mark.parametrize(
    ("variable", "value", "settings"),
    [
        ("OTEL_BREAKER_SPANS", "off", TelemetrySettings(spans=Spans.OFF)),
        ("OTEL_BREAKER_EVENTS", "log", TelemetrySettings(events=Events.LOG)),
        ("OTEL_BREAKER_REJECTED_SPAN_LIMIT", "10", TelemetrySettings(rejected_span_limit=10)),
        ("OTEL_BREAKER_DURATION_HISTOGRAM", "true", TelemetrySettings(duration_histogram=True)),
        ("OTEL_BREAKER_RECORD_EXCEPTIONS", "1", TelemetrySettings(record_exceptions=True)),
        ("OTEL_BREAKER_SPANS", "", TelemetrySettings()),
    ],
)
def test_each_setting_has_an_environment_variable(
    variable: str, value: str, settings: TelemetrySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    CircuitBreaker("payments")

    assert in_force() == settings


def test_an_invalid_environment_variable_is_logged_as_an_error_and_the_others_count(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_SPANS", "few")
    monkeypatch.setenv("OTEL_BREAKER_EVENTS", "log")
    configure(spans="problems")

    CircuitBreaker("payments")
    CircuitBreaker("orders")

    assert (in_force().spans, in_force().events) == (Spans.PROBLEMS, Events.LOG)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "OTEL_BREAKER_SPANS" in record.getMessage()
    assert "'few'" in record.getMessage()
    assert "one of all, problems, off" in record.getMessage()


GARBAGE = {
    "5,000 digits": "9" * 5_000,
    "a very long line": "x" * 100_000,
    "escapes": "\x1b[2J\nFORGED",
    "bytes that are no text": "\udcff\udcfe",
    "digits of another script": "\N{SUPERSCRIPT TWO}",
    "no number": "nan",
    "below zero": "-1",
}


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("variable", configuration.VARIABLES.values())
def test_garbage_in_an_environment_variable_is_one_clear_line_and_no_more(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, value)

    assert CircuitBreaker("payments").call(int) == 0

    (record,) = caplog.records
    assert (record.levelno, record.exc_info, record.getMessage().count("\n")) == (logging.ERROR, None, 0)
    assert record.getMessage().startswith(f"the environment variable {variable} is ignored: ")
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) < 300


# --- bad ones


@pytest.mark.parametrize("bad", [{"spans": "few"}, {"span": "off"}, {"rejected_span_limit": -1}])
def test_a_bad_setting_raises_and_changes_nothing(bad: dict[str, Any], spans: FinishedSpans) -> None:
    provider = TracerProvider(shutdown_on_exit=False)

    with pytest.raises(InvalidSettings):
        configure(tracer_provider=provider, events="log", **bad)

    assert in_force() == TelemetrySettings()
    CircuitBreaker("payments").call(charge)
    assert len(spans()) == 1


def test_a_bad_setting_in_a_file_raises_with_its_path_and_changes_nothing() -> None:
    configuration.TELEMETRY.set_from_file({"spans": "problems"})

    with pytest.raises(InvalidSettings) as refused:
        configuration.TELEMETRY.set_from_file({"spans": "few"}, "telemetry")

    assert refused.value.path == "telemetry.spans"
    assert in_force().spans is Spans.PROBLEMS


# --- when


def test_a_setting_takes_effect_for_existing_breakers_and_functions(spans: FinishedSpans) -> None:
    breaker = CircuitBreaker("payments")
    call = breaker(charge)
    counts = []

    for choice in ("all", "off", "problems", "all"):
        configure(spans=choice)
        call()
        with breaker.guard():
            pass
        counts.append(len(spans()))

    assert counts == [2, 2, 2, 4]


def test_a_setting_takes_effect_for_an_sdk_that_is_set_up_later(make_sdk: MakeSdk) -> None:
    configure(spans="off")
    breaker = CircuitBreaker("payments")
    finished = make_sdk()
    breaker.call(charge)

    configure(spans="all")
    breaker.call(charge)

    assert len(finished()) == 1


# --- explicit providers


class OtherSdk:
    """A whole SDK that is not the global one."""

    def __init__(self) -> None:
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracing = TracerProvider(shutdown_on_exit=False)
        self.tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        self.logging = LoggerProvider(shutdown_on_exit=False)
        self.logging.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        self.metering = MeterProvider([self.reader], shutdown_on_exit=False)
        self.metrics = Metrics(self.reader)


@pytest.fixture
def other_sdk() -> Iterator[OtherSdk]:
    sdk = OtherSdk()
    yield sdk
    for provider in (sdk.tracing, sdk.logging, sdk.metering):
        provider.shutdown()


def test_spans_are_made_by_the_configured_tracer_provider(spans: FinishedSpans, other_sdk: OtherSdk) -> None:
    breaker = CircuitBreaker("payments")

    configure(tracer_provider=other_sdk.tracing)
    breaker.call(charge)

    assert len(other_sdk.spans.get_finished_spans()) == 1
    assert spans() == ()


def test_a_configured_tracer_provider_needs_no_global_one(other_sdk: OtherSdk) -> None:
    assert trace._TRACER_PROVIDER is None
    configure(tracer_provider=other_sdk.tracing)

    with CircuitBreaker("payments").guard():
        pass

    assert len(other_sdk.spans.get_finished_spans()) == 1


def test_a_provider_that_is_not_repeated_stays(spans: FinishedSpans, other_sdk: OtherSdk) -> None:
    configure(tracer_provider=other_sdk.tracing, spans="off")
    configure(spans="all")

    CircuitBreaker("payments").call(charge)

    assert len(other_sdk.spans.get_finished_spans()) == 1
    assert spans() == ()


def test_metrics_are_exported_by_the_configured_meter_provider(other_sdk: OtherSdk) -> None:
    before = CircuitBreaker("payments")
    configure(meter_provider=other_sdk.metering, duration_histogram=True)
    after = CircuitBreaker("orders")

    before.call(charge)
    after.call(charge)

    assert other_sdk.metrics.points("circuit_breaker.calls", "name") == {("payments",): 1, ("orders",): 1}
    assert "circuit_breaker.call.duration" in other_sdk.metrics.collect()


def test_the_histogram_moves_to_a_meter_provider_that_is_configured_later(other_sdk: OtherSdk) -> None:
    configure(duration_histogram=True)
    breaker = CircuitBreaker("payments")
    breaker.call(charge)

    configure(meter_provider=other_sdk.metering)
    breaker.call(charge)

    (point,) = other_sdk.metrics.collect()["circuit_breaker.call.duration"].data.data_points
    assert getattr(point, "count", None) == 1


def test_log_events_go_to_the_configured_logger_provider(other_sdk: OtherSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    global_sdk = OtherSdk()
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", global_sdk.logging)
    breaker = CircuitBreaker("payments")

    configure(logger_provider=other_sdk.logging)
    breaker.force_open()

    assert len(other_sdk.logs.get_finished_logs()) == 1
    assert global_sdk.logs.get_finished_logs() == ()


def test_a_meter_provider_that_has_no_meter_is_logged_and_the_rest_counts(
    other_sdk: OtherSdk, caplog: pytest.LogCaptureFixture
) -> None:
    faulty_provider = faulty(AnyMeterProvider, get_meter=broken)()

    configure(tracer_provider=other_sdk.tracing, meter_provider=faulty_provider, logger_provider=other_sdk.logging)
    breaker = CircuitBreaker("payments")
    breaker.call(charge)
    breaker.force_open()

    assert "no meter" in caplog.text
    assert len(other_sdk.spans.get_finished_spans()) == 1
    assert len(other_sdk.logs.get_finished_logs()) == 1
