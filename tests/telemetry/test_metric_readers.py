"""Readers of every kind, set up before the breakers or after."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import ObservableCounter, ObservableUpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from otel_breaker import CircuitBreaker
from otel_breaker import breaker as breaker_module
from otel_breaker.telemetry.metrics import Ledger

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Meters, Metrics

DELTA = {
    ObservableCounter: AggregationTemporality.DELTA,
    ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
}


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def test_a_cumulative_reader_is_told_the_sum(make_metrics: Meters) -> None:
    metrics, breaker = make_metrics(), CircuitBreaker("payments")
    breaker.call(int)
    metrics.collect()

    breaker.call(int)

    assert outcomes(metrics) == {"success": 2}


def test_a_delta_reader_is_told_what_is_new(make_metrics: Meters) -> None:
    metrics, breaker = make_metrics(preferred_temporality=DELTA), CircuitBreaker("payments")
    breaker.call(int)
    breaker.call(int)
    first = outcomes(metrics)

    breaker.call(int)

    assert (first, outcomes(metrics), outcomes(metrics)) == ({"success": 2}, {"success": 1}, {})


def test_a_delta_reader_never_goes_below_zero_when_a_breaker_is_dropped(make_metrics: Meters, clock: FakeClock) -> None:
    metrics = make_metrics(preferred_temporality=DELTA)
    breaker = CircuitBreaker("payments", clock=clock)
    clock.advance(10)
    metrics.collect()

    del breaker
    gc.collect()

    values = [value for _, value in metrics.all_points("circuit_breaker.state.time")]
    assert min(values) >= 0


def test_two_readers_are_told_the_same(make_metrics: Meters) -> None:
    one, other = make_metrics(), make_metrics()
    breaker = CircuitBreaker("payments")

    breaker.call(int)

    assert outcomes(one) == outcomes(other) == {"success": 1}


COUNTING = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_breaker import CircuitBreaker

reader = InMemoryMetricReader()

def set_up():
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))

def count():
    scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
    for scope in scopes:
        for metric in scope.metrics:
            if metric.name == "circuit_breaker.calls":
                points = metric.data.data_points
                print(scope.scope.name, sum(point.value for point in points), len(points))
"""


@pytest.mark.parametrize(
    "order",
    [
        "set_up(); breaker = CircuitBreaker('one'); breaker.call(int)",
        "breaker = CircuitBreaker('one'); breaker.call(int); set_up()",
        "breaker = CircuitBreaker('one'); set_up(); breaker.call(int)",
    ],
    ids=["the SDK first", "the SDK after the call", "the SDK in between"],
)
def test_a_call_is_counted_whenever_the_sdk_is_set_up(order: str) -> None:
    program = f"{COUNTING}\n{order}\ncount()"

    told = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["otel_breaker", "1", "5"]


def test_a_second_breaker_makes_no_second_set_of_instruments(monkeypatch: pytest.MonkeyPatch) -> None:
    class WatchedLedger(Ledger):
        sets = 0

        def show(self, meter: Meter) -> None:
            self.sets += 1

    ledger = WatchedLedger()
    monkeypatch.setattr(breaker_module, "LEDGER", ledger)

    CircuitBreaker("payments")
    CircuitBreaker("search")

    assert ledger.sets == 1
