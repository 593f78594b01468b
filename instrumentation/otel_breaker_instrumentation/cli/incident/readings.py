"""The metrics of circuits: the last value of each series and its peak, however often it was exported."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from otel_breaker_instrumentation.cli.incident.model import Reading

if TYPE_CHECKING:
    from otel_breaker_instrumentation.cli.incident.model import Place
    from otel_breaker_instrumentation.cli.otlp import Point


class Readings:
    """As many entries as there are series."""

    def __init__(self) -> None:
        self._series: dict[tuple[object, ...], tuple[int, Reading]] = {}

    def take(self, point: Point, place: Place) -> None:
        if not isfinite(point.value):
            return
        key = (point.metric, place, tuple(sorted((name, str(value)) for name, value in point.attributes.items())))
        known = self._series.get(key)
        if known is None:
            self._series[key] = (
                point.time,
                Reading(point.metric, place, point.attributes, point.value, point.value),
            )
            return
        time, reading = known
        latest = point.value if point.time >= time else reading.last
        value = reading.last + point.value if point.is_delta else latest
        reading = replace(reading, last=value, peak=max(reading.peak, value if point.is_delta else point.value))
        self._series[key] = (max(time, point.time), reading)

    def all(self) -> tuple[Reading, ...]:
        return tuple(reading for _, reading in self._series.values())
