"""An unlimited number of names neither fills the memory nor exceeds the SDK's limit of series, and all is counted."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from otel_breaker import CircuitBreaker
from otel_breaker.core.counters import CircuitCounters
from otel_breaker.telemetry.metrics.series import MOST_NAMES

if TYPE_CHECKING:
    import pytest

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.telemetry.conftest import Metrics

CALLS = "circuit_breaker.calls"
MOST_SERIES_OF_THE_SDK = 2_000


def call_once(name: str) -> None:
    CircuitBreaker(name).call(int)


def fill() -> None:
    """Use up all names that have series of their own."""
    for number in range(MOST_NAMES):
        call_once(f"early {number}")


def test_an_unlimited_number_of_names_stays_below_the_series_that_the_sdk_keeps(metrics: Metrics) -> None:
    for number in range(3 * MOST_NAMES):
        call_once(f"tenant {number}")
        if number % MOST_NAMES == 0:
            metrics.collect()

    for metric in metrics.collect().values():
        assert len(metric.data.data_points) < MOST_SERIES_OF_THE_SDK


def test_an_unlimited_number_of_names_takes_limited_memory(metric_registry: MetricRegistry) -> None:
    gc.collect()
    before = sum(type(instance) is CircuitCounters for instance in gc.get_objects())

    for number in range(3 * MOST_NAMES):
        call_once(f"tenant {number}")
    gc.collect()
    last = CircuitBreaker("tenant last")

    assert len(metric_registry.aggregates()) == MOST_NAMES + 1
    # Circuits dropped since the last use of their name are kept until its next use or a collection: none now.
    assert sum(type(instance) is CircuitCounters for instance in gc.get_objects()) == before + 1
    assert last


def test_circuits_of_further_names_are_exported_together_and_lose_no_call(metrics: Metrics) -> None:
    fill()
    for _ in range(2):
        call_once("late")
    call_once("later")

    counts = metrics.points(CALLS, "name", "call.outcome")

    assert counts[("_OTHER", "success")] == 3
    assert counts[("early 0", "success")] == 1
    assert sum(counts.values()) == MOST_NAMES + 3


def test_a_name_that_has_series_goes_on_in_them_though_the_limit_is_reached(metrics: Metrics) -> None:
    fill()
    call_once("late")

    call_once("early 0")

    assert metrics.points(CALLS, "name")[("early 0",)] == 2


def test_no_count_goes_back_when_the_limit_is_reached(metrics: Metrics) -> None:
    fill()
    before = metrics.points(CALLS, "name")
    for number in range(10):
        call_once(f"late {number}")

    after = metrics.points(CALLS, "name")

    assert after == before | {("_OTHER",): 10}


def test_it_is_logged_once_that_names_are_exported_together(
    metric_registry: MetricRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    fill()
    assert not caplog.messages

    for number in range(10):
        call_once(f"late {number}")

    [warning] = caplog.messages
    assert f"more than {MOST_NAMES} names" in warning
    assert "should share a name and have a key each" in warning
    assert metric_registry
