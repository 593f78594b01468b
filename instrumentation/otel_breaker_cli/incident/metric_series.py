"""The metrics of circuits: the last value of each series and its peak, however often it was exported."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING

from otel_breaker_cli.incident.model import MetricSeries

if TYPE_CHECKING:
    from otel_breaker_cli.incident.model import ServiceInstance
    from otel_breaker_cli.otlp import DataPoint


class SeriesAggregator:
    """As many entries as there are series."""

    def __init__(self) -> None:
        self._series: dict[tuple[object, ...], tuple[int, MetricSeries]] = {}

    def add(self, point: DataPoint, place: ServiceInstance) -> None:
        key = (point.metric, place, tuple(sorted((name, str(value)) for name, value in point.attributes.items())))
        known = self._series.get(key)
        time, reading = known or (0, MetricSeries(point.metric, place, point.attributes, 0, -inf))
        value = reading.last + point.value if point.is_delta else point.value
        if not isfinite(value):
            return
        last = value if point.is_delta or point.time >= time else reading.last
        self._series[key] = (max(time, point.time), replace(reading, last=last, peak=max(reading.peak, value)))

    def result(self) -> tuple[MetricSeries, ...]:
        return tuple(reading for _, reading in self._series.values())
