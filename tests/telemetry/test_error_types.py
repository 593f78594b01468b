"""Types of errors come from applications: `error.type` is bounded in length and number, and printable."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import CircuitBreaker, configure
from otel_breaker.telemetry.metrics.series import MOST_NAMES
from otel_breaker.telemetry.traces.durations import MOST_ERROR_TYPES
from tests.telemetry.conftest import Metrics

if TYPE_CHECKING:
    from tests.conftest import Spans

LONG = type("Declined" + "d" * 100_000, (Exception,), {})
BROKEN = type("Declined\x1b[2J\n", (Exception,), {"__module__": "shop\ud800"})


def fail(breaker: CircuitBreaker, failure: type[Exception] | str) -> None:
    if isinstance(failure, str):
        with breaker.guard() as call:
            call.failed(failure)
    else:
        with suppress(failure), breaker.guard():
            raise failure


@pytest.mark.parametrize("failure", [LONG, BROKEN, "x" * 100_009, "bad\ud800 gateway\x1b[2J"])
def test_a_type_of_any_length_and_text_is_bounded_and_printable_wherever_it_is_exported(
    failure: type[Exception] | str, spans: Spans
) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    fail(breaker, failure)

    [span] = spans()
    [event] = span.events
    counted: Any = (event.attributes or {})["circuit_breaker.error_types"]
    exported = [(span.attributes or {})["error.type"], breaker.snapshot().last_failure_type, counted[0][: -len("=1")]]
    assert len(set(exported)) == 1
    assert str(exported[0]).isprintable()
    assert len(str(exported[0])) <= 256
    assert encode_spans(spans()).SerializeToString().count(b"error.type") == 1


@pytest.fixture
def durations() -> Metrics:
    reader = InMemoryMetricReader()
    configure(meter_provider=MeterProvider([reader], shutdown_on_exit=False), duration_histogram=True)
    return Metrics(reader)


def measured(durations: Metrics, attribute: str) -> dict[Any, int]:
    points: Any = durations.collect()["circuit_breaker.call.duration"].data.data_points
    counts: dict[Any, int] = {}
    for point in points:
        value = point.attributes.get(attribute)
        counts[value] = counts.get(value, 0) + point.count
    return counts


def test_further_types_of_errors_share_a_series_of_the_histogram(durations: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=None, failure_rate=1, minimum_calls=100)

    for number in range(3 * MOST_ERROR_TYPES):
        fail(breaker, f"order {number} failed")

    counts = measured(durations, "error.type")
    assert len(counts) == MOST_ERROR_TYPES + 1
    assert counts["_OTHER"] == 2 * MOST_ERROR_TYPES


def test_further_names_share_series_of_the_histogram(durations: Metrics) -> None:
    for number in range(2 * MOST_NAMES):
        CircuitBreaker(f"tenant {number}").call(int)

    counts = measured(durations, "circuit_breaker.name")
    assert len(counts) == MOST_NAMES + 1
    assert counts["_OTHER"] == MOST_NAMES
