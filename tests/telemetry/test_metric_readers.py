"""Readers of each temporality, set up before the breakers or after."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter, ObservableUpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from otel_breaker import CircuitBreaker
from tests.telemetry.conftest import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Meters

DELTA = {
    ObservableCounter: AggregationTemporality.DELTA,
    ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
}


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def test_a_cumulative_reader_gets_the_sum(make_metrics: Meters) -> None:
    metrics, breaker = make_metrics(), CircuitBreaker("payments")
    breaker.call(int)
    metrics.collect()

    breaker.call(int)

    assert outcomes(metrics) == {"success": 2}


def test_a_delta_reader_gets_the_difference(make_metrics: Meters) -> None:
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


def test_two_readers_get_the_same_counts(make_metrics: Meters) -> None:
    one, other = make_metrics(), make_metrics()
    breaker = CircuitBreaker("payments")

    breaker.call(int)

    assert outcomes(one) == outcomes(other) == {"success": 1}


COUNTING = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_breaker import CircuitBreaker
from otel_breaker.telemetry import names
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from otel_breaker.version import __version__

reader = InMemoryMetricReader()

provider = MeterProvider([reader], shutdown_on_exit=False)

def set_up():
    metrics.set_meter_provider(provider)

def use_meter():
    METRIC_REGISTRY.use_meter(provider.get_meter(names.SCOPE, __version__))

def count():
    scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
    for scope in scopes:
        for metric in scope.metrics:
            if metric.name == "circuit_breaker.calls":
                points = metric.data.data_points
                print(scope.scope.name, sum(point.value for point in points), len(points))
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    "order",
    [
        "set_up(); breaker = CircuitBreaker('one'); breaker.call(int)",
        "breaker = CircuitBreaker('one'); breaker.call(int); set_up()",
        "breaker = CircuitBreaker('one'); set_up(); breaker.call(int)",
        "use_meter(); breaker = CircuitBreaker('one'); breaker.call(int)",
        "breaker = CircuitBreaker('one'); breaker.call(int); use_meter()",
        "breaker = CircuitBreaker('one'); breaker.call(int); use_meter(); use_meter(); set_up()",
        "breaker = CircuitBreaker('one'); breaker.call(int); set_up(); use_meter(); use_meter()",
        "set_up(); breaker = CircuitBreaker('one'); breaker.call(int); use_meter()",
        "set_up(); use_meter(); breaker = CircuitBreaker('one'); breaker.call(int); use_meter()",
    ],
    ids=[
        "the SDK first",
        "the SDK after the call",
        "the SDK in between",
        "a provider of its own first",
        "a provider of its own after the call",
        "a provider of its own that is made the global one",
        "the global provider that is given as its own",
        "the global provider from the beginning that is given as its own",
        "the global provider that is given before and after",
    ],
)
def test_a_call_is_counted_once_whenever_the_sdk_is_set_up(order: str) -> None:
    program = f"{COUNTING}\n{order}\ncount()"

    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["otel_breaker", "1", "5"]


# --- which meters export them


class WatchedMeter(NoOpMeter):
    """A meter that records which instruments are made on it."""

    def __init__(self) -> None:
        super().__init__("watched")
        self.made: list[str] = []

    def _record(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.made.append(name)

    create_observable_counter = create_observable_up_down_counter = create_observable_gauge = _record


@pytest.fixture
def global_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metrics]:
    """A reader of the global provider."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)
    yield Metrics(reader)
    provider.shutdown()


def test_all_breakers_share_one_set_of_instruments(metric_registry: MetricRegistry) -> None:
    meter = WatchedMeter()
    metric_registry.use_meter(meter)

    breakers = [CircuitBreaker("payments"), CircuitBreaker("search")]

    assert sorted(meter.made) == sorted(set(meter.made))
    assert len(meter.made) == 9
    assert breakers


def test_a_meter_that_has_instruments_gets_no_second_set(metric_registry: MetricRegistry) -> None:
    meter = WatchedMeter()

    metric_registry.use_meter(meter)
    metric_registry.use_meter(meter)

    assert len(meter.made) == 9


def test_without_a_provider_of_their_own_breakers_are_exported_by_the_global_one(
    metric_registry: MetricRegistry, global_reader: Metrics
) -> None:
    breakers = [CircuitBreaker("payments"), CircuitBreaker("search")]
    for breaker in breakers:
        breaker.call(int)

    assert global_reader.points("circuit_breaker.calls", "name") == {("payments",): 1, ("search",): 1}
    assert metric_registry


def test_a_provider_that_is_given_late_exports_all_and_the_global_one_nothing_more(
    make_metrics: Meters, global_reader: Metrics
) -> None:
    breaker = CircuitBreaker("payments")
    breaker.call(int)
    before = outcomes(global_reader)

    metrics = make_metrics()
    breaker.call(int)

    assert (before, outcomes(metrics), global_reader.collect()) == ({"success": 1}, {"success": 2}, {})


def test_a_provider_that_is_given_early_exports_all_and_the_global_one_nothing(
    make_metrics: Meters, global_reader: Metrics
) -> None:
    metrics, breaker = make_metrics(), CircuitBreaker("payments")

    breaker.call(int)

    assert (outcomes(metrics), global_reader.collect()) == ({"success": 1}, {})


def test_a_meter_is_not_kept_alive(metric_registry: MetricRegistry) -> None:
    meter = WatchedMeter()
    metric_registry.use_meter(meter)
    reference = weakref.ref(meter)

    del meter
    gc.collect()

    assert reference() is None
