"""Providers that `configure` gets are used instead of the global ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import _logs, trace
from opentelemetry.metrics import MeterProvider as AnyMeterProvider

from otel_breaker import CircuitBreaker, configure
from tests.telemetry.conftest import Metrics
from tests.telemetry.faulty_sdk import broken, faulty
from tests.telemetry.whole_sdk import WholeSdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Spans as FinishedSpans


def charge() -> None:
    pass


class OtherSdk(WholeSdk):
    """A whole SDK, with its metrics as points."""

    def __init__(self) -> None:
        super().__init__()
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


def test_the_histogram_changes_to_a_meter_provider_that_is_configured_later(other_sdk: OtherSdk) -> None:
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
