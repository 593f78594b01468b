"""What is counted in shadow and off, and across a change of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitBreaker
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from tests.telemetry.conftest import Metrics

STATES = ["closed", "open", "half_open", "forced_open", "forced_closed"]


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def statuses(metrics: Metrics) -> dict[Any, Any]:
    return metrics.points("circuit_breaker.status", "state", "mode")


def test_a_shadow_counts_calls_by_what_they_did(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    breaker.record_failure()

    breaker.call(int)

    assert outcomes(metrics) == {"failure": 1, "success": 1}


def test_moves_and_status_of_a_shadow_say_so(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    breaker.record_failure()

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "shadow"): 1}
    assert statuses(metrics) == {("open", "shadow"): 1}


def test_a_breaker_that_is_off_counts_no_call(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", mode="off")

    breaker.call(int)

    assert outcomes(metrics) == {}


def test_replaced_settings_begin_no_new_series_of_calls(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=3)
    breaker.call(int)
    before = outcomes(metrics)

    breaker._replace_settings(Settings(failure_threshold=9))
    breaker.call(int)

    assert (before, outcomes(metrics)) == ({"success": 1}, {"success": 2})


def test_a_change_of_mode_keeps_the_moves_made_before_and_takes_the_status_along(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    breaker.record_failure()
    metrics.collect()

    breaker._replace_settings(Settings.from_mapping({"mode": "shadow"}))

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "enforce"): 1}
    assert statuses(metrics) == {("open", "shadow"): 1}
    points = metrics.all_points("circuit_breaker.status")
    enforced = [value for attributes, value in points if attributes["circuit_breaker.mode"] == "enforce"]
    assert enforced == [0] * len(STATES)


def test_a_mode_that_came_and_went_between_two_readings_is_not_forgotten(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    breaker._replace_settings(Settings.from_mapping({"failure_threshold": 1, "mode": "shadow"}))
    breaker.record_failure()
    breaker._replace_settings(Settings(failure_threshold=1))

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "shadow"): 1}
