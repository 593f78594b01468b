"""The duration histogram of a real SDK, and the clock that it measures with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import configure
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric

    from tests.telemetry.conftest import MakeSdk

DURATION = "circuit_breaker.call.duration"


class Point(NamedTuple):
    calls: int
    seconds: float


class Durations:
    """A real SDK for metrics with the histogram, and the clock that it measures with."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)
        configure(meter_provider=self.provider, duration_histogram=True)

    def metric(self) -> Metric:
        data: Any = self._reader.get_metrics_data()
        metrics = (metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics)
        found: Metric = next(metric for metric in metrics if metric.name == DURATION)
        return found

    def points(self) -> list[Any]:
        return list(self.metric().data.data_points)

    def by(self, *attributes: str) -> dict[tuple[Any, ...], Point]:
        return {
            tuple((point.attributes or {}).get(name) for name in attributes): Point(point.count, point.sum)
            for point in self.points()
        }

    def take(self, seconds: float, error: BaseException | None = None) -> None:
        self.clock.advance(seconds)
        if error is not None:
            raise error


every_spans_setting = pytest.mark.parametrize("spans_setting", ["all", "problems", "off", "no provider"])


def set_up(spans_setting: Any, make_sdk: MakeSdk) -> None:
    if spans_setting != "no provider":
        make_sdk()
        configure(spans=spans_setting)
