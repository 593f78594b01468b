"""Names without end neither fill the memory nor run into the SDK's limit of series, and nothing is miscounted."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from otel_breaker import CircuitBreaker
from otel_breaker.core.counters import CircuitCounters
from otel_breaker.telemetry.metrics.series import MOST_NAMES, MOST_SERIES

if TYPE_CHECKING:
    import pytest

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.telemetry.conftest import Metrics

CALLS = "circuit_breaker.calls"


def call_once(name: str) -> None:
    CircuitBreaker(name).call(int)


def fill() -> None:
    """Use up all names that have series of their own."""
    for number in range(MOST_NAMES):
        call_once(f"early {number}")


def test_names_without_end_stay_below_the_series_that_the_sdk_keeps(metrics: Metrics) -> None:
    for number in range(3 * MOST_NAMES):
        call_once(f"tenant {number}")
        if number % MOST_NAMES == 0:
            metrics.collect()

    for metric in metrics.collect().values():
        assert len(metric.data.data_points) < MOST_SERIES


def test_names_without_end_take_no_memory_without_end(ledger: MetricRegistry) -> None:
    gc.collect()
    before = sum(type(thing) is CircuitCounters for thing in gc.get_objects())

    for number in range(3 * MOST_NAMES):
        call_once(f"tenant {number}")
    gc.collect()
    last = CircuitBreaker("tenant last")

    assert len(ledger.aggregates()) == MOST_NAMES + 1
    # Those that have gone since their name was last used wait there for its next use, or for a reader: none now.
    assert sum(type(thing) is CircuitCounters for thing in gc.get_objects()) == before + 1
    assert last


def test_circuits_of_further_names_are_shown_together_and_lose_no_call(metrics: Metrics) -> None:
    fill()
    for _ in range(2):
        call_once("late")
    call_once("later")

    told = metrics.points(CALLS, "name", "call.outcome")

    assert told[("_OTHER", "success")] == 3
    assert told[("early 0", "success")] == 1
    assert sum(told.values()) == MOST_NAMES + 3


def test_a_name_that_has_series_goes_on_in_them_though_there_is_no_room(metrics: Metrics) -> None:
    fill()
    call_once("late")

    call_once("early 0")

    assert metrics.points(CALLS, "name")[("early 0",)] == 2


def test_no_count_goes_back_when_the_room_runs_out(metrics: Metrics) -> None:
    fill()
    before = metrics.points(CALLS, "name")
    for number in range(10):
        call_once(f"late {number}")

    after = metrics.points(CALLS, "name")

    assert after == before | {("_OTHER",): 10}


def test_the_log_says_once_that_names_are_shown_together(
    ledger: MetricRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    fill()
    assert not caplog.messages

    for number in range(10):
        call_once(f"late {number}")

    [said] = caplog.messages
    assert f"more than {MOST_NAMES} names" in said
    assert "should share a name and have a key each" in said
    assert ledger
