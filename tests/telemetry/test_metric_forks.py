"""A forked child exports its own calls only, wherever its parent was at the fork."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from otel_breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import ManualMeter, Meters, Metrics

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def calls_of(metric_registry: MetricRegistry, name: str) -> int:
    """The exported number of calls of a name."""
    return sum(dict(metric_registry.aggregates())[name].totals.calls.values())


def in_child(answer: Callable[[], int]) -> int:
    """The answer of a forked child; an alarm ends one that hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        status = 100
        try:
            status = answer()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_exports_its_own_calls_only(metric_registry: MetricRegistry) -> None:
    breaker, dropped = CircuitBreaker("forked"), CircuitBreaker("forked")
    breaker.call(int)
    dropped.call(int)
    del dropped
    gc.collect()

    def call() -> int:
        breaker.call(int)
        return calls_of(metric_registry, "forked")

    assert in_child(call) == 1
    assert calls_of(metric_registry, "forked") == 2


def test_a_child_forked_while_a_breaker_is_just_being_dropped_makes_another(metric_registry: MetricRegistry) -> None:
    def make() -> int:
        dropped = CircuitBreaker("forked")
        dropped.call(int)
        callback = weakref.ref(dropped._circuit, lambda _: metric_registry.after_fork())
        del dropped
        gc.collect()
        CircuitBreaker("forked").call(int)
        return calls_of(metric_registry, "forked") if callback() is None else 100

    assert in_child(make) == 1


def test_a_forked_child_makes_breakers_though_another_thread_was_reading(metric_registry: MetricRegistry) -> None:
    held, release = threading.Event(), threading.Event()

    def read() -> None:
        with metric_registry._lock:
            held.set()
            release.wait(30)

    def make() -> int:
        CircuitBreaker("forked while read").call(int)
        return calls_of(metric_registry, "forked while read")

    with ThreadPoolExecutor(1) as another:
        another.submit(read)
        assert held.wait(10)
        answer = in_child(make)
        release.set()

    assert answer == 1


def test_a_child_forked_in_a_collection_does_not_reuse_the_reading_of_its_parent(manual_meter: ManualMeter) -> None:
    breaker = CircuitBreaker("forked")
    breaker.call(int)
    manual_meter.observe("circuit_breaker.status")

    def series() -> int:
        return len(manual_meter.observe("circuit_breaker.calls"))

    assert (in_child(series), series()) == (0, 1)


# --- a reader that has collected before the fork, as in a server that preloads its application


def values(metrics: Metrics, metric: str) -> list[float]:
    return [value for _, value in metrics.all_points(metric)]


@pytest.fixture(params=[AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA], ids=["cumulative", "delta"])
def preloaded(request: pytest.FixtureRequest, make_metrics: Meters) -> Metrics:
    return make_metrics(preferred_temporality={ObservableCounter: request.param})


def test_a_child_exports_its_own_calls_only_to_a_reader(preloaded: Metrics) -> None:
    breaker = CircuitBreaker("forked")
    breaker.call(int)
    breaker.call(int)
    before = preloaded.points("circuit_breaker.calls", "name")

    def call() -> int:
        breaker.call(int)
        return int(sum(values(preloaded, "circuit_breaker.calls")))

    assert (before, in_child(call)) == ({("forked",): 2}, 1)


def test_a_child_of_a_child_exports_its_own_calls_only_to_a_reader(preloaded: Metrics) -> None:
    breaker = CircuitBreaker("forked")

    def call_and_fork(depth: int) -> int:
        for _ in range(depth):
            breaker.call(int)
        own = int(sum(values(preloaded, "circuit_breaker.calls")))
        return own if depth == 1 else 10 * own + in_child(lambda: call_and_fork(depth - 1))

    assert in_child(lambda: call_and_fork(2)) == 21


def test_no_count_of_a_child_is_below_zero(preloaded: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("forked", failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(3_600)
    preloaded.collect()

    def below_zero() -> int:
        clock.advance(5)
        return sum(value < 0 for metric in preloaded.collect() for value in values(preloaded, metric))

    assert in_child(below_zero) == 0


def test_a_child_exports_the_state_at_the_fork_and_no_state_change(preloaded: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("forked", failure_threshold=1, clock=clock)
    breaker.record_failure()
    preloaded.collect()

    def state_is_kept() -> int:
        status = preloaded.points("circuit_breaker.status", "name", "state")
        return status == {("forked", "open"): 1} and not any(values(preloaded, "circuit_breaker.state_changes"))

    assert in_child(state_is_kept) == 1


def test_the_series_of_a_child_begin_with_it(preloaded: Metrics) -> None:
    breaker = CircuitBreaker("forked")
    preloaded.collect()
    forked = time.time_ns()

    def began_here() -> int:
        points: Any = preloaded.collect()["circuit_breaker.calls"].data.data_points
        return all(point.start_time_unix_nano >= forked for point in points)

    assert in_child(began_here) == 1
    assert breaker


def test_a_parent_goes_on_with_its_counts_after_a_fork(metrics: Metrics) -> None:
    breaker = CircuitBreaker("forked")
    breaker.call(int)
    metrics.collect()
    in_child(lambda: breaker.call(int))

    breaker.call(int)

    assert sum(values(metrics, "circuit_breaker.calls")) == 2


PRELOADING = """
import multiprocessing
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from otel_breaker import CircuitBreaker

reader = InMemoryMetricReader({ObservableCounter: AggregationTemporality.DELTA})
metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
breaker = CircuitBreaker("preloaded")

def serve(calls):
    for _ in range(calls):
        breaker.call(int)
    return sum(
        point.value
        for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "circuit_breaker.calls"
        for point in metric.data.data_points
    )

if __name__ == "__main__":
    serve(7)
    with multiprocessing.get_context(METHOD).Pool(2, maxtasksperchild=1) as workers:
        print(workers.map(serve, [1, 2, 3], chunksize=1), serve(4))
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_multiprocessing_export_their_own_calls_only(method: str, tmp_path: Path) -> None:
    program = tmp_path / "preloading.py"
    program.write_text(PRELOADING.replace("METHOD", repr(method)))

    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[1, 2, 3] 4"
