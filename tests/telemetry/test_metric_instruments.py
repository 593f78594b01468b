"""The instruments and their series, exactly as the table in the design has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Sum

from otel_breaker import CircuitBreaker

if TYPE_CHECKING:
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics

REASONS = ["open", "half_open", "forced_open"]


@pytest.mark.parametrize(
    ("name", "unit", "monotonic"),
    [
        ("circuit_breaker.calls", "{call}", True),
        ("circuit_breaker.state_changes", "{state_change}", True),
        ("circuit_breaker.status", "{circuit}", False),
        ("circuit_breaker.state.time", "s", True),
        ("circuit_breaker.probes", "{probe}", True),
        ("circuit_breaker.shadow.calls", "{call}", True),
        ("circuit_breaker.concurrency.in_flight", "{call}", False),
    ],
)
def test_an_instrument_is_of_its_kind_and_unit(metrics: Metrics, name: str, unit: str, monotonic: bool) -> None:
    breaker = CircuitBreaker("payments", mode="shadow", max_in_flight=5)

    metric = metrics.collect()[name]

    assert (metric.unit, type(metric.data)) == (unit, Sum)
    assert isinstance(metric.data, Sum)
    assert metric.data.is_monotonic is monotonic
    assert metric.description
    assert breaker


@pytest.mark.parametrize(
    ("name", "unit"), [("circuit_breaker.trip_ratio", "1"), ("circuit_breaker.concurrency.limit", "{call}")]
)
def test_a_number_that_no_sum_has_a_meaning_for_is_a_gauge(metrics: Metrics, name: str, unit: str) -> None:
    breaker = CircuitBreaker("payments", max_in_flight=5)

    metric = metrics.collect()[name]

    assert (metric.unit, type(metric.data)) == (unit, Gauge)
    assert metric.description
    assert breaker


def series(metrics: Metrics, metric: str) -> list[tuple[dict[str, Any], Any]]:
    """All series of a metric, by their attributes without prefix and name."""
    points = metrics.all_points(metric)
    assert {attributes.pop("circuit_breaker.name") for attributes, _ in points} == {"payments"}
    short = [
        ({name.removeprefix("circuit_breaker."): text for name, text in attributes.items()}, value)
        for attributes, value in points
    ]
    return sorted(short, key=lambda each: sorted(each[0].items()))


@pytest.mark.parametrize(
    ("settings", "reasons"), [({}, REASONS), ({"max_in_flight": 5}, [*REASONS, "concurrency_limit"])]
)
def test_calls_that_alerts_count_are_exported_by_outcome_and_possible_reason_from_the_first_collection(
    metrics: Metrics, settings: dict[str, Any], reasons: list[str]
) -> None:
    breaker = CircuitBreaker("payments", **settings)

    assert series(metrics, "circuit_breaker.calls") == [
        ({"call.outcome": "failure"}, 0),
        *(({"call.outcome": "rejected", "rejection.reason": reason}, 0) for reason in sorted(reasons)),
        ({"call.outcome": "success"}, 0),
    ]
    assert breaker


def test_any_other_outcome_of_calls_is_exported_from_its_first_call_on(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", ignore=KeyError)
    metrics.collect()

    breaker.record_failure(KeyError())

    assert ({"call.outcome": "ignored"}, 1) in series(metrics, "circuit_breaker.calls")


def test_trips_and_failed_recoveries_are_exported_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    assert series(metrics, "circuit_breaker.state_changes") == [
        ({"state_change.from": source, "state_change.to": "open", "mode": "enforce"}, 0)
        for source in ("closed", "half_open")
    ]
    assert breaker


def test_any_other_state_change_is_exported_from_the_first_one_on(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")
    metrics.collect()

    breaker.force_closed()

    change = {"state_change.from": "closed", "state_change.to": "forced_closed", "mode": "enforce"}
    assert (change, 1) in series(metrics, "circuit_breaker.state_changes")


def test_status_is_exported_by_mode_for_each_state_that_was_there(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    before = series(metrics, "circuit_breaker.status")

    breaker.record_failure()

    assert before == [({"state": "closed", "mode": "enforce"}, 1)]
    assert series(metrics, "circuit_breaker.status") == [
        ({"state": "closed", "mode": "enforce"}, 0),
        ({"state": "open", "mode": "enforce"}, 1),
    ]


def test_time_is_exported_for_each_state_that_was_there(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    before = series(metrics, "circuit_breaker.state.time")

    breaker.record_failure()
    clock.advance(5)

    assert before == [({"state": "closed"}, 0.0)]
    assert series(metrics, "circuit_breaker.state.time") == [({"state": "closed"}, 0.0), ({"state": "open"}, 5.0)]


def test_a_state_that_lasted_only_between_two_collections_is_exported_with_its_time(
    metrics: Metrics, clock: FakeClock
) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(5)
    breaker.reset()

    assert ({"state": "open"}, 5.0) in series(metrics, "circuit_breaker.state.time")


def test_probes_that_alerts_count_are_exported_by_outcome_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    assert series(metrics, "circuit_breaker.probes") == [
        ({"probe.outcome": outcome}, 0) for outcome in ("failure", "success", "timeout")
    ]
    assert breaker


def test_shadow_calls_are_exported_by_outcome_but_refused_from_the_first_collection_in_mode_shadow(
    metrics: Metrics,
) -> None:
    breaker = CircuitBreaker("payments", mode="shadow")

    assert series(metrics, "circuit_breaker.shadow.calls") == [
        ({"call.outcome": outcome}, 0) for outcome in ("cancelled", "failure", "ignored", "success")
    ]
    assert breaker


def test_a_breaker_that_was_never_in_mode_shadow_has_no_shadow_calls(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    assert "circuit_breaker.shadow.calls" not in metrics.collect()
    assert breaker
