"""The series of metrics: last value and peak."""

from __future__ import annotations

from tests.cli.incident.telemetry import (
    Telemetry,
)


def test_the_last_value_and_the_peak_of_a_series_are_kept() -> None:
    telemetry = Telemetry()
    for at, value in ((0, 0.2), (2, 0.4), (1, 0.8)):
        telemetry.point("circuit_breaker.trip_ratio", value, at, name="payments")
    (series,) = telemetry.incident().metric_series

    assert (series.last, series.peak) == (0.4, 0.8)


def test_deltas_are_added_up() -> None:
    telemetry = Telemetry()
    for value in (2, 3):
        telemetry.point("circuit_breaker.shadow.calls", value, value, is_delta=True, name="payments")

    assert telemetry.incident().metric_series[0].last == 5


def test_metrics_of_other_libraries_are_ignored() -> None:
    assert Telemetry().point("http.server.duration", 1).incident().metric_series == ()
