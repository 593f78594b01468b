"""All metrics of one collection are of one moment, with several readers too, and each circuit is read once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View

from otel_breaker import CircuitBreaker
from tests.telemetry.conftest import Metrics

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.telemetry.conftest import ManualMeter, Meters

CALLS, STATUS = "circuit_breaker.calls", "circuit_breaker.status"


class WatchedClock:
    """A clock, which a circuit reads once when it is read itself."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return 1_000.0


# --- once


def test_each_circuit_is_read_once_a_collection(metrics: Metrics) -> None:
    clock = WatchedClock()
    circuits = [CircuitBreaker("payments", clock=clock) for _ in range(3)]
    before = clock.reads

    metrics.collect()
    metrics.collect()

    assert clock.reads - before == 2 * len(circuits)


def test_each_circuit_is_read_once_though_a_view_drops_an_instrument(make_metrics: Meters) -> None:
    metrics = make_metrics(views=[View(instrument_name=CALLS, aggregation=DropAggregation())])
    clock = WatchedClock()
    breaker = CircuitBreaker("payments", clock=clock)
    before = clock.reads

    statuses = [metrics.points(STATUS, "state"), metrics.points(STATUS, "state")]

    assert statuses == [{("closed",): 1}] * 2
    assert clock.reads - before == 2
    assert CALLS not in metrics.collect()
    assert breaker


# --- one moment


def test_all_instruments_of_a_collection_show_the_moment_of_the_first(manual_meter: ManualMeter) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    before = manual_meter.observe(CALLS)

    breaker.record_failure()

    assert (before, manual_meter.observe(STATUS)) == ({}, {"closed": 1})


def test_an_instrument_that_is_observed_again_begins_another_collection(manual_meter: ManualMeter) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    manual_meter.observe(CALLS)
    manual_meter.observe(STATUS)
    breaker.record_failure()

    again = manual_meter.observe(STATUS)

    assert (again, manual_meter.observe(CALLS)) == ({"open": 1}, {"failure": 1})


def test_a_collection_reuses_nothing_of_the_one_before_with_any_first_instrument(manual_meter: ManualMeter) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    manual_meter.observe_all()
    breaker.record_failure()

    assert manual_meter.observe(STATUS) == {"open": 1}


def test_collections_in_two_threads_at_a_time_do_not_mix(manual_meter: ManualMeter) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    with ThreadPoolExecutor(1) as another:
        another.submit(manual_meter.observe, CALLS).result()
        breaker.record_failure()
        here = manual_meter.observe(CALLS)
        there = another.submit(manual_meter.observe, STATUS).result()

    assert (here, manual_meter.observe(STATUS), there) == ({"failure": 1}, {"open": 1}, {"closed": 1})


# --- several readers


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_two_readers_of_one_provider_both_get_the_latest_counts(
    metric_registry: MetricRegistry, temporality: AggregationTemporality
) -> None:
    readers = [InMemoryMetricReader(), InMemoryMetricReader({ObservableCounter: temporality})]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    metric_registry.use_meter(provider.get_meter("otel_breaker"))
    one, other = map(Metrics, readers)
    breaker = CircuitBreaker("payments")
    counts = []

    for reader in (one, other, one, other, other):
        breaker.call(int)
        counts.append(reader.points(CALLS, "call.outcome").get(("success",), 0))
    provider.shutdown()

    cumulative = temporality is AggregationTemporality.CUMULATIVE
    assert counts == ([1, 2, 3, 4, 5] if cumulative else [1, 2, 3, 2, 1])


def test_two_providers_both_get_the_latest_counts(make_metrics: Meters) -> None:
    one, other = make_metrics(), make_metrics()
    breaker = CircuitBreaker("payments")
    counts = []

    for reader in (one, other, one, other):
        breaker.call(int)
        counts.append(reader.points(CALLS, "call.outcome")[("success",)])

    assert counts == [1, 2, 3, 4]


def test_status_agrees_with_the_state_changes_of_its_collection_and_no_count_goes_back(make_metrics: Meters) -> None:
    readers, stop = [make_metrics(), make_metrics()], threading.Event()
    breaker = CircuitBreaker("payments", failure_threshold=1)

    def open_and_close() -> None:
        while not stop.is_set():
            breaker.record_failure()
            breaker.reset()

    def watch(metrics: Metrics) -> list[tuple[int, int, int]]:
        return [openings_closings_and_open(metrics.collect()) for _ in range(40)]

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(open_and_close) for _ in range(2)]
        watchers = [pool.submit(watch, reader) for reader in readers]
        seen = [watcher.result() for watcher in watchers]
        stop.set()
    for writer in writers:
        writer.result()

    for collections in seen:
        assert [opened - closed for opened, closed, _ in collections] == [is_open for *_, is_open in collections]
        assert [opened for opened, *_ in collections] == sorted(opened for opened, *_ in collections)
        assert collections[-1] > collections[0]


def openings_closings_and_open(collected: dict[str, Metric]) -> tuple[int, int, int]:
    """How often a circuit opened and closed, and how many are open, in one collection."""
    changes: Counter[str] = Counter()
    points: Any = collected["circuit_breaker.state_changes"].data.data_points
    for point in points:
        changes[point.attributes["circuit_breaker.state_change.to"]] += point.value
    points = collected[STATUS].data.data_points
    is_open = sum(point.value for point in points if point.attributes["circuit_breaker.state"] == "open")
    return changes["open"], changes["closed"], is_open
