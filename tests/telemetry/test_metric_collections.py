"""What one collection shows belongs together, whoever else collects, and each circuit is read once for it."""

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
    from tests.telemetry.conftest import Asking, Meters

CALLS, STATUS = "circuit_breaker.calls", "circuit_breaker.status"


class WatchedClock:
    """A clock that is asked once when a circuit is read."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return 1_000.0


# --- once


def test_each_circuit_is_read_once_a_collection(metrics: Metrics) -> None:
    clock = WatchedClock()
    circuits = [CircuitBreaker("payments", clock=clock) for _ in range(3)]
    before = clock.asked

    metrics.collect()
    metrics.collect()

    assert clock.asked - before == 2 * len(circuits)


def test_each_circuit_is_read_once_though_a_view_drops_an_instrument(make_metrics: Meters) -> None:
    metrics = make_metrics(views=[View(instrument_name=CALLS, aggregation=DropAggregation())])
    clock = WatchedClock()
    breaker = CircuitBreaker("payments", clock=clock)
    before = clock.asked

    shown = [metrics.points(STATUS, "state"), metrics.points(STATUS, "state")]

    assert shown == [{("closed",): 1}] * 2
    assert clock.asked - before == 2
    assert CALLS not in metrics.collect()
    assert breaker


# --- what belongs together


def test_all_instruments_show_the_moment_at_which_the_first_was_asked(by_hand: Asking) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    before = by_hand.ask(CALLS)

    breaker.record_failure()

    assert (before, by_hand.ask(STATUS)) == ({}, {"closed": 1})


def test_an_instrument_that_is_asked_again_begins_another_collection(by_hand: Asking) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    by_hand.ask(CALLS)
    by_hand.ask(STATUS)
    breaker.record_failure()

    again = by_hand.ask(STATUS)

    assert (again, by_hand.ask(CALLS)) == ({"open": 1}, {"failure": 1})


def test_nothing_of_a_collection_is_left_over_for_the_next_whatever_it_begins_with(by_hand: Asking) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    by_hand.ask_all()
    breaker.record_failure()

    assert by_hand.ask(STATUS) == {"open": 1}


def test_collections_in_two_threads_at_a_time_do_not_mix(by_hand: Asking) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    with ThreadPoolExecutor(1) as another:
        another.submit(by_hand.ask, CALLS).result()
        breaker.record_failure()
        here = by_hand.ask(CALLS)
        there = another.submit(by_hand.ask, STATUS).result()

    assert (here, by_hand.ask(STATUS), there) == ({"failure": 1}, {"open": 1}, {"closed": 1})


# --- several readers


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_two_readers_of_one_provider_are_each_told_the_latest(
    ledger: MetricRegistry, temporality: AggregationTemporality
) -> None:
    readers = [InMemoryMetricReader(), InMemoryMetricReader({ObservableCounter: temporality})]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    ledger.use_meter(provider.get_meter("otel_breaker"))
    one, other = map(Metrics, readers)
    breaker = CircuitBreaker("payments")
    told = []

    for reader in (one, other, one, other, other):
        breaker.call(int)
        told.append(reader.points(CALLS, "call.outcome").get(("success",), 0))
    provider.shutdown()

    cumulative = temporality is AggregationTemporality.CUMULATIVE
    assert told == ([1, 2, 3, 4, 5] if cumulative else [1, 2, 3, 2, 1])


def test_two_providers_are_each_told_the_latest(make_metrics: Meters) -> None:
    one, other = make_metrics(), make_metrics()
    breaker = CircuitBreaker("payments")
    told = []

    for reader in (one, other, one, other):
        breaker.call(int)
        told.append(reader.points(CALLS, "call.outcome")[("success",)])

    assert told == [1, 2, 3, 4]


def test_status_agrees_with_the_moves_shown_beside_it_and_no_count_goes_back(make_metrics: Meters) -> None:
    readers, stop = [make_metrics(), make_metrics()], threading.Event()
    breaker = CircuitBreaker("payments", failure_threshold=1)

    def move() -> None:
        while not stop.is_set():
            breaker.record_failure()
            breaker.reset()

    def watch(metrics: Metrics) -> list[tuple[int, int, int]]:
        return [openings_closings_and_open(metrics.collect()) for _ in range(40)]

    with ThreadPoolExecutor(4) as pool:
        movers = [pool.submit(move) for _ in range(2)]
        watchers = [pool.submit(watch, reader) for reader in readers]
        seen = [watcher.result() for watcher in watchers]
        stop.set()
    for mover in movers:
        mover.result()

    for shown in seen:
        assert [opened - closed for opened, closed, _ in shown] == [is_open for *_, is_open in shown]
        assert [opened for opened, *_ in shown] == sorted(opened for opened, *_ in shown)
        assert shown[-1] > shown[0]


def openings_closings_and_open(shown: dict[str, Metric]) -> tuple[int, int, int]:
    """How often a circuit opened and closed, and how many are open, in one collection."""
    moves: Counter[str] = Counter()
    points: Any = shown["circuit_breaker.state_changes"].data.data_points
    for point in points:
        moves[point.attributes["circuit_breaker.state_change.to"]] += point.value
    points = shown[STATUS].data.data_points
    [is_open] = [point.value for point in points if point.attributes["circuit_breaker.state"] == "open"]
    return moves["open"], moves["closed"], is_open
