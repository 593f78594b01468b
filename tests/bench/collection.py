"""Measures how long the SDK takes to collect the metrics of many breakers: `python -m tests.bench.collection`."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Final

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import CircuitBreaker

_BREAKERS: Final = (10, 100, 1_000)
_NAMES: Final = 100  # series belong to a name, and the number of names with series is bounded
_COLLECTIONS: Final = 5


def measure() -> dict[int, float]:
    """Seconds per collection, by the number of breakers, less the time of a collection without breakers."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    empty = _collect(reader)
    alive: list[CircuitBreaker] = []
    times = {}
    for count in _BREAKERS:
        alive.extend(CircuitBreaker(f"bench {number % _NAMES}") for number in range(len(alive), count))
        times[count] = _collect(reader) - empty
    return times


def _collect(reader: InMemoryMetricReader) -> float:
    times = []
    for _ in range(_COLLECTIONS):
        began = time.process_time()
        reader.get_metrics_data()
        times.append(time.process_time() - began)
    return statistics.median(times)


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
