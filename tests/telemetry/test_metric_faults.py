"""A fault of one circuit, one instrument or one meter affects no other, and reaches no caller."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import NoOpMeter, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import CircuitBreaker
from tests.telemetry.conftest import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter
    from opentelemetry.metrics import MeterProvider as AnyProvider

    from otel_breaker.telemetry.metrics import MetricRegistry

CALLS, STATUS, TIME = "circuit_breaker.calls", "circuit_breaker.status", "circuit_breaker.state.time"


class FailingClock:
    """A clock that works until it is broken."""

    def __init__(self) -> None:
        self.read: Callable[[], Any] = lambda: 1_000.0

    def __call__(self) -> Any:
        return self.read()


def refuse() -> float:
    raise OSError("no clock")


@pytest.fixture(params=[refuse, lambda: "noon"], ids=["raises", "returns text"])
def broken(request: pytest.FixtureRequest) -> CircuitBreaker:
    """A breaker with one failure, whose clock is broken since."""
    clock = FailingClock()
    breaker = CircuitBreaker("payments", clock=clock)
    breaker.record_failure()
    clock.read = request.param
    return breaker


def test_other_circuits_are_exported_though_a_clock_is_broken(metrics: Metrics, broken: CircuitBreaker) -> None:
    other, search = CircuitBreaker("payments"), CircuitBreaker("search")
    other.call(int)
    search.call(int)

    collected = metrics.points(CALLS, "name", "call.outcome")

    assert collected == {("payments", "failure"): 1, ("payments", "success"): 1, ("search", "success"): 1}
    assert broken


def test_a_circuit_whose_clock_is_broken_is_exported_without_its_time(metrics: Metrics, broken: CircuitBreaker) -> None:
    collected = metrics.collect()

    assert len(collected) == 6
    assert metrics.points(STATUS, "state") == {("closed",): 1}
    assert metrics.points(TIME, "state") == {}
    assert [value for _, value in metrics.all_points(TIME)] == [0.0]
    assert broken


def test_a_broken_clock_is_logged_once(
    metrics: Metrics, broken: CircuitBreaker, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        metrics.collect()

    [message] = caplog.messages
    assert message.startswith("a clock of circuit breaker 'payments' failed: its metrics leave the time out; ")
    assert broken


class FailingMeter(NoOpMeter):
    """A meter that makes no instrument of one kind, or none at all."""

    def __init__(self, *kinds: str) -> None:
        super().__init__("failing")
        for kind in kinds:
            setattr(self, f"create_observable_{kind}", self._fail)

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError("no instrument")


def be_global(monkeypatch: pytest.MonkeyPatch, provider: AnyProvider) -> None:
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)


def test_a_meter_that_makes_no_instruments_does_not_stop_the_making_of_a_breaker(
    metric_registry: MetricRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Provider(NoOpMeterProvider):
        def get_meter(self, *args: Any, **kwargs: Any) -> Meter:
            return FailingMeter("counter", "up_down_counter", "gauge")

    be_global(monkeypatch, Provider())

    breaker = CircuitBreaker("payments")

    assert breaker.call(int) == 0
    assert caplog.messages[0].startswith("the metric circuit_breaker.calls cannot be shown; ValueError < ")
    assert metric_registry


def test_a_provider_without_a_meter_does_not_stop_the_making_of_a_breaker(
    metric_registry: MetricRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Provider(NoOpMeterProvider):
        def get_meter(self, *args: Any, **kwargs: Any) -> Meter:
            raise RuntimeError("no meter")

    be_global(monkeypatch, Provider())

    assert CircuitBreaker("payments").call(int) == 0
    [message] = caplog.messages
    assert message.startswith("the global meter provider has no meter for circuit breakers; RuntimeError < ")
    assert metric_registry


def test_instruments_that_can_be_made_are_made_though_another_cannot(
    metric_registry: MetricRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("otel_breaker")
    monkeypatch.setattr(meter, "create_observable_up_down_counter", FailingMeter()._fail)
    metric_registry.use_meter(meter)
    metrics, breaker = Metrics(reader), CircuitBreaker("payments")

    readings = []
    for _ in range(2):
        breaker.call(int)
        readings.append(metrics.points(CALLS, "call.outcome"))
    provider.shutdown()

    assert readings == [{("success",): 1}, {("success",): 2}]
    assert STATUS not in metrics.collect()


def test_a_meter_may_wait_for_a_collection_while_instruments_are_made(
    metric_registry: MetricRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection holds the SDK's lock and needs ours; creating an instrument needs the SDK's."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("otel_breaker")
    make = meter.create_observable_counter

    with ThreadPoolExecutor(1) as another:

        def collect_first(*args: Any, **kwargs: Any) -> Any:
            another.submit(reader.collect).result(10)
            return make(*args, **kwargs)

        monkeypatch.setattr(meter, "create_observable_counter", collect_first)
        be_global(monkeypatch, provider)
        monkeypatch.setattr(provider, "get_meter", lambda *_, **__: meter)
        breaker = CircuitBreaker("payments")

    assert len(Metrics(reader).collect()) == 6
    assert breaker
    provider.shutdown()


def test_breakers_are_made_while_a_collection_waits_for_a_circuit(metrics: Metrics) -> None:
    """The holder of a circuit's lock may make a breaker: a finaliser runs at any instruction."""
    is_read = threading.Event()

    def clock() -> float:
        is_read.set()
        return 1_000.0

    breaker = CircuitBreaker("payments", clock=clock)
    is_read.clear()
    with ThreadPoolExecutor(2) as others:
        with breaker._circuit._lock:
            collection = others.submit(metrics.collect)
            assert is_read.wait(10)
            made = others.submit(CircuitBreaker, "search").result(10)

        assert STATUS in collection.result(10)
    assert made
