"""How near the circuits of a name are to tripping, as a gauge."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitBreaker

if TYPE_CHECKING:
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics


def ratios(metrics: Metrics) -> list[Any]:
    return [(attributes, value) for attributes, value in metrics.all_points("circuit_breaker.trip_ratio")]


def test_it_is_exported_by_name_from_the_first_collection(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")

    assert ratios(metrics) == [({"circuit_breaker.name": "payments"}, 0.0)]
    assert breaker


def test_it_is_that_of_the_worst_circuit_of_the_name(metrics: Metrics) -> None:
    circuits = [CircuitBreaker("http", key=key, failure_threshold=4) for key in "abc"]
    for _ in range(3):
        circuits[1].record_failure()
    circuits[2].record_failure()

    assert ratios(metrics) == [({"circuit_breaker.name": "http"}, 0.75)]


def test_it_is_one_while_a_circuit_is_open(metrics: Metrics) -> None:
    opened, closed = CircuitBreaker("payments", failure_threshold=1), CircuitBreaker("payments")

    opened.record_failure()

    assert ratios(metrics) == [({"circuit_breaker.name": "payments"}, 1.0)]
    assert closed


def test_it_is_that_of_the_moment_of_the_collection(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker(
        "payments", failure_rate=0.5, failure_threshold=None, minimum_calls=2, window="10s", clock=clock
    )
    for _ in range(3):
        breaker.call(int)
    breaker.record_failure()
    before = ratios(metrics)

    clock.advance(11)

    assert [value for _, value in before + ratios(metrics)] == [0.5, 0.0]


def test_a_streak_counts_beside_a_rate_before_the_rate_can_trip(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_rate=0.5, minimum_calls=4)

    breaker.record_failure()

    assert [value for _, value in ratios(metrics)] == [0.25]


def test_rules_apply_to_a_breaker_in_shadow_and_not_to_one_that_is_off(metrics: Metrics) -> None:
    shadow, off = (CircuitBreaker(mode, failure_threshold=2, mode=mode) for mode in ("shadow", "off"))
    shadow.record_failure()
    off.force_open()

    assert ratios(metrics) == [({"circuit_breaker.name": "shadow"}, 0.5), ({"circuit_breaker.name": "off"}, 0.0)]


def test_the_ratio_of_a_name_without_circuits_is_zero(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    breaker.record_failure()

    del breaker
    gc.collect()

    assert ratios(metrics) == [({"circuit_breaker.name": "payments"}, 0.0)]
