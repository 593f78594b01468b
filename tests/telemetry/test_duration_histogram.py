"""The metric `circuit_breaker.call.duration`: how long calls took, by outcome."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics as otel_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import CircuitBreaker, CircuitOpenError, configure
from tests.telemetry.conftest import Metrics
from tests.telemetry.durations import DURATION, Durations, every_spans_setting, set_up
from tests.telemetry.faulty_sdk import faulty, returning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import pytest

    from tests.conftest import Spans
    from tests.telemetry.conftest import MakeSdk


def histogram(record: Callable[..., Any]) -> Any:
    return faulty(otel_metrics.Histogram, __init__=returning(None), record=record)()


def test_it_is_off_by_default() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    configure(meter_provider=provider)

    CircuitBreaker("payments").call(int)

    assert DURATION not in Metrics(reader).collect()
    provider.shutdown()


def test_it_has_seconds_and_the_boundaries_that_conventions_advise_for_them(durations: Durations) -> None:
    CircuitBreaker("payments").call(int)

    metric = durations.metric()
    assert metric.unit == "s"
    (point,) = durations.points()
    assert point.explicit_bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


@every_spans_setting
def test_a_call_is_measured_with_its_outcome(spans_setting: Any, durations: Durations, make_sdk: MakeSdk) -> None:
    set_up(spans_setting, make_sdk)
    breaker = CircuitBreaker("payments", failure_threshold=2, ignore=[KeyError])

    for seconds, error in ((1, None), (2, KeyError()), (3, KeyboardInterrupt()), (4, TimeoutError()), (5, OSError())):
        with suppress(Exception, KeyboardInterrupt):
            breaker.call(durations.take, seconds, error)
    with suppress(CircuitOpenError):
        breaker.call(int)

    assert durations.by("circuit_breaker.name", "circuit_breaker.call.outcome", "error.type") == {
        ("payments", "success", None): (1, 1),
        ("payments", "ignored", "KeyError"): (1, 2),
        ("payments", "cancelled", None): (1, 3),
        ("payments", "failure", "TimeoutError"): (1, 4),
        ("payments", "failure", "OSError"): (1, 5),
        ("payments", "rejected", "otel_breaker.errors.CircuitOpenError"): (1, 0),
    }


@every_spans_setting
def test_a_block_and_a_coroutine_are_measured(spans_setting: Any, durations: Durations, make_sdk: MakeSdk) -> None:
    set_up(spans_setting, make_sdk)
    breaker = CircuitBreaker("payments")

    with breaker.guard():
        durations.take(1)
    with breaker.guard() as block:
        durations.take(2)
        block.failed("503")

    @breaker
    async def ask() -> None:
        await asyncio.sleep(0)
        durations.take(4)

    asyncio.run(ask())

    assert durations.by("error.type") == {(None,): (2, 5), ("503",): (1, 2)}


@every_spans_setting
def test_a_call_that_returns_a_future_is_measured_until_that_is_done(
    spans_setting: Any, durations: Durations, make_sdk: MakeSdk
) -> None:
    set_up(spans_setting, make_sdk)

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        returned = CircuitBreaker("payments").call(lambda: future)
        durations.take(3)
        future.set_result(None)
        await returned
        await asyncio.sleep(0)

    asyncio.run(main())

    assert durations.by() == {(): (1, 3)}


@every_spans_setting
def test_of_a_generator_only_its_steps_are_measured(
    spans_setting: Any, durations: Durations, make_sdk: MakeSdk
) -> None:
    set_up(spans_setting, make_sdk)

    @CircuitBreaker("payments")
    def pages() -> Iterator[int]:
        durations.take(1)
        yield 1
        durations.take(2)
        yield 2

    for _ in pages():
        durations.take(100)

    assert durations.by("circuit_breaker.call.outcome") == {("success",): (1, 3)}


def test_of_an_async_generator_only_its_steps_are_measured(durations: Durations) -> None:
    @CircuitBreaker("payments")
    async def pages() -> AsyncIterator[int]:
        durations.take(1)
        yield 1
        durations.take(2)
        yield 2

    async def main() -> None:
        async for _ in pages():
            durations.take(100)

    asyncio.run(main())

    assert durations.by() == {(): (1, 3)}


def test_a_refused_call_is_measured_with_its_fallback(durations: Durations) -> None:
    breaker = CircuitBreaker("payments", fallback=lambda: durations.take(2))
    breaker.force_open()

    breaker.call(int)

    assert durations.by("circuit_breaker.call.outcome", "error.type") == {("rejected", None): (1, 2)}


def test_a_refused_call_without_a_span_of_its_own_is_measured(durations: Durations, spans: Spans) -> None:
    configure(rejected_span_limit=0)
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    with suppress(CircuitOpenError):
        breaker.call(int)

    assert durations.by("circuit_breaker.call.outcome") == {("rejected",): (1, 0)}
    assert spans() == ()


def test_a_breaker_that_is_off_measures_nothing(durations: Durations) -> None:
    CircuitBreaker("payments", mode="off").call(int)
    CircuitBreaker("orders").call(int)

    assert list(durations.by("circuit_breaker.name")) == [("orders",)]


def test_it_can_be_switched_off_again(durations: Durations) -> None:
    call = CircuitBreaker("payments")(int)
    call()

    configure(duration_histogram=False)
    call()

    assert durations.by() == {(): (1, 0)}


def test_it_goes_to_the_global_provider_that_is_set_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = []
    watched = histogram(lambda self, seconds, attributes, context: recorded.append(attributes))
    meter = faulty(otel_metrics.Meter, create_histogram=returning(watched))("m")
    provider = faulty(otel_metrics.MeterProvider, get_meter=returning(meter))()
    monkeypatch.setattr(otel_metrics._internal, "_METER_PROVIDER", provider)

    configure(duration_histogram=True)
    CircuitBreaker("payments").call(int)

    assert recorded == [{"circuit_breaker.name": "payments", "circuit_breaker.call.outcome": "success"}]
