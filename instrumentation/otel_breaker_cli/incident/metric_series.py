"""The metrics of circuits: the last value and the peak of each series, so that memory does not grow with exports."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING

from otel_breaker_cli.incident.model import MetricSeries

if TYPE_CHECKING:
    from otel_breaker_cli.incident.model import ServiceInstance
    from otel_breaker_cli.otlp import DataPoint


class SeriesAggregator:
    """Takes data points in any order, and keeps one entry for each series."""

    def __init__(self) -> None:
        self._series: dict[tuple[object, ...], tuple[int, MetricSeries]] = {}

    def add(self, point: DataPoint, instance: ServiceInstance) -> None:
        attributes = tuple(sorted((name, str(value)) for name, value in point.attributes.items()))
        key = (point.metric, instance, attributes)
        unknown = MetricSeries(point.metric, instance, point.attributes, 0, -inf)
        time, series = self._series.get(key, (0, unknown))
        value = series.last + point.value if point.is_delta else point.value
        if not isfinite(value):
            return
        last = value if point.is_delta or point.time >= time else series.last
        self._series[key] = (max(time, point.time), replace(series, last=last, peak=max(series.peak, value)))

    def result(self) -> tuple[MetricSeries, ...]:
        return tuple(series for _, series in self._series.values())
