"""Counts in the modes shadow and off, and across a change of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitBreaker
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from tests.telemetry.conftest import Metrics


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def statuses(metrics: Metrics) -> dict[Any, Any]:
    return metrics.points("circuit_breaker.status", "state", "mode")


def test_shadow_mode_counts_calls_by_their_outcome(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    breaker.record_failure()

    breaker.call(int)

    assert outcomes(metrics) == {"failure": 1, "success": 1}


def test_state_changes_and_status_have_the_mode_shadow(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    breaker.record_failure()

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "shadow"): 1}
    assert statuses(metrics) == {("open", "shadow"): 1}


def test_a_breaker_that_is_off_counts_no_call(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", mode="off")

    breaker.call(int)

    assert outcomes(metrics) == {}


def test_replaced_settings_start_no_new_series_of_calls(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=3)
    breaker.call(int)
    before = outcomes(metrics)

    breaker._replace_settings(Settings(failure_threshold=9))
    breaker.call(int)

    assert (before, outcomes(metrics)) == ({"success": 1}, {"success": 2})


def test_a_change_of_mode_keeps_earlier_state_changes_and_changes_the_mode_of_the_status(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    breaker.record_failure()
    metrics.collect()

    breaker._replace_settings(Settings.from_mapping({"mode": "shadow"}))

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "enforce"): 1}
    assert statuses(metrics) == {("open", "shadow"): 1}
    points = metrics.all_points("circuit_breaker.status")
    enforced = [value for attributes, value in points if attributes["circuit_breaker.mode"] == "enforce"]
    assert enforced == [0, 0]  # closed and open


def test_a_mode_that_lasted_only_between_two_collections_is_exported(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    breaker._replace_settings(Settings.from_mapping({"failure_threshold": 1, "mode": "shadow"}))
    breaker.record_failure()
    breaker._replace_settings(Settings(failure_threshold=1))

    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "shadow"): 1}
