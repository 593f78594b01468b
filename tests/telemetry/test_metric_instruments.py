"""The instruments and their series, exactly as the table in the design has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Sum

from otel_breaker import CircuitBreaker
from otel_breaker.core.states import STATE_CHANGES

if TYPE_CHECKING:
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics

ADMITTED = ["success", "failure", "ignored", "cancelled"]
REASONS = ["open", "half_open", "forced_open"]
STATES = ["closed", "open", "half_open", "forced_open", "forced_closed"]


def unordered(points: list[tuple[dict[str, Any], Any]]) -> list[Any]:
    return sorted((sorted(attributes.items()), value) for attributes, value in points)


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
    breaker = CircuitBreaker("payments", max_in_flight=5)

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


@pytest.mark.parametrize(
    ("settings", "reasons"), [({}, REASONS), ({"max_in_flight": 5}, [*REASONS, "concurrency_limit"])]
)
def test_calls_are_exported_by_name_outcome_and_possible_reason_from_the_first_collection(
    metrics: Metrics, settings: dict[str, Any], reasons: list[str]
) -> None:
    breaker = CircuitBreaker("payments", **settings)

    points = metrics.all_points("circuit_breaker.calls")

    expected = [({"circuit_breaker.name": "payments", "circuit_breaker.call.outcome": name}, 0) for name in ADMITTED]
    rejected = {"circuit_breaker.name": "payments", "circuit_breaker.call.outcome": "rejected"}
    expected += [({**rejected, "circuit_breaker.rejection.reason": reason}, 0) for reason in reasons]
    assert unordered(points) == unordered(expected)
    assert breaker


def test_state_changes_are_exported_by_name_mode_and_states_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    points = metrics.all_points("circuit_breaker.state_changes")

    assert unordered(points) == unordered(
        [
            (
                {
                    "circuit_breaker.name": "payments",
                    "circuit_breaker.state_change.from": source.value,
                    "circuit_breaker.state_change.to": target.value,
                    "circuit_breaker.mode": "enforce",
                },
                0,
            )
            for source, target in STATE_CHANGES
        ]
    )
    assert breaker


def test_status_is_exported_by_name_mode_and_every_state_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    points = metrics.all_points("circuit_breaker.status")

    assert unordered(points) == unordered(
        [
            (
                {"circuit_breaker.name": "payments", "circuit_breaker.state": state, "circuit_breaker.mode": "enforce"},
                int(state == "closed"),
            )
            for state in STATES
        ]
    )
    assert breaker


def test_time_is_exported_by_name_and_every_state_from_the_first_collection(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", clock=clock)

    points = metrics.all_points("circuit_breaker.state.time")

    assert unordered(points) == unordered(
        [({"circuit_breaker.name": "payments", "circuit_breaker.state": state}, 0.0) for state in STATES]
    )
    assert breaker


def test_probes_are_exported_by_name_and_outcome_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    points = metrics.all_points("circuit_breaker.probes")

    assert unordered(points) == unordered(
        [
            ({"circuit_breaker.name": "payments", "circuit_breaker.probe.outcome": outcome}, 0)
            for outcome in ("success", "failure", "ignored", "cancelled", "timeout")
        ]
    )
    assert breaker


def test_shadow_calls_are_exported_by_name_and_outcome_but_refused_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    points = metrics.all_points("circuit_breaker.shadow.calls")

    assert unordered(points) == unordered(
        [({"circuit_breaker.name": "payments", "circuit_breaker.call.outcome": outcome}, 0) for outcome in ADMITTED]
    )
    assert breaker
