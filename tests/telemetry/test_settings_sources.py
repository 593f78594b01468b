"""The sources of telemetry settings, their precedence, and when settings take effect."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from otel_breaker import CircuitBreaker, InvalidSettings, configure
from otel_breaker.settings import Events, Spans, TelemetrySettings
from otel_breaker.telemetry import configuration

if TYPE_CHECKING:
    from tests.conftest import Spans as FinishedSpans
    from tests.telemetry.conftest import MakeSdk


def in_force() -> TelemetrySettings:
    return configuration.TELEMETRY.settings


def charge() -> None:
    pass


# --- precedence


def test_a_setting_that_no_source_has_keeps_its_default() -> None:
    configure(spans="off")

    assert in_force() == TelemetrySettings(spans=Spans.OFF)


def test_a_setting_that_code_does_not_repeat_stays_as_it_was() -> None:
    configure(spans="off", events="log")
    configure(events="span")

    assert (in_force().spans, in_force().events) == (Spans.OFF, Events.SPAN)


def test_a_file_overrides_code_in_either_order() -> None:
    configure(spans="off")
    configuration.TELEMETRY.set_from_file({"spans": "problems"})
    configure(spans="all", events="log")

    assert (in_force().spans, in_force().events) == (Spans.PROBLEMS, Events.LOG)


def test_a_setting_that_the_file_drops_has_the_value_of_code_again() -> None:
    configure(spans="off")
    configuration.TELEMETRY.set_from_file({"spans": "problems"})
    configuration.TELEMETRY.set_from_file({})

    assert in_force().spans is Spans.OFF


def test_the_environment_overrides_file_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
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
@pytest.mark.parametrize(
    "variable", [configuration.variable_of(name) for name in TelemetrySettings.__dataclass_fields__]
)
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


# --- invalid values


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
