"""The counts of a dropped breaker stay, its memory does not."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from otel_breaker import CircuitBreaker
from otel_breaker import breaker as breaker_module
from otel_breaker.core.counters import CircuitCounters
from otel_breaker.telemetry.metrics import MetricRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    import pytest

    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics

T = TypeVar("T")


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def drop_after_refusal(clock: FakeClock) -> None:
    """A breaker that opens, is refused once, and is dropped."""
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    clock.advance(10)
    breaker.record_failure()
    breaker.can_execute()
    clock.advance(5)


def test_counts_outlive_a_dropped_breaker(metrics: Metrics, clock: FakeClock) -> None:
    drop_after_refusal(clock)
    gc.collect()

    assert outcomes(metrics) == {"failure": 1, "rejected": 1}
    assert metrics.points("circuit_breaker.state_changes", "state_change.to", "mode") == {("open", "enforce"): 1}
    assert metrics.points("circuit_breaker.state.time", "state")[("closed",)] == 10.0


def test_counts_go_on_from_a_dropped_breaker_to_another_of_its_name(metrics: Metrics, clock: FakeClock) -> None:
    drop_after_refusal(clock)
    gc.collect()
    before = outcomes(metrics)

    drop_after_refusal(clock)
    gc.collect()

    assert (before, outcomes(metrics)) == ({"failure": 1, "rejected": 1}, {"failure": 2, "rejected": 2})


def test_a_dropped_breaker_is_in_no_state(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments")
    before = metrics.points("circuit_breaker.status", "state")

    del breaker
    gc.collect()

    assert before == {("closed",): 1}
    assert metrics.points("circuit_breaker.status", "state") == {}
    assert [value for _, value in metrics.all_points("circuit_breaker.status")] == [0]


def test_a_breaker_that_was_dropped_before_the_first_collection_is_exported(metrics: Metrics) -> None:
    CircuitBreaker("payments", mode="shadow")
    gc.collect()

    points = metrics.all_points("circuit_breaker.status")

    assert [(attributes["circuit_breaker.mode"], value) for attributes, value in points] == [("shadow", 0)]


def test_a_breaker_that_is_dropped_in_the_middle_of_a_reading_is_counted_once(metrics: Metrics) -> None:
    others: list[CircuitBreaker] = []

    def dropping_clock() -> float:
        others.clear()
        return 0.0

    first = CircuitBreaker("payments", clock=dropping_clock)
    others.append(CircuitBreaker("payments"))
    others[0].call(int)

    readings = [outcomes(metrics), outcomes(metrics)]

    assert readings == [{"success": 1}] * 2
    assert first


def test_a_breaker_that_is_just_being_dropped_is_counted(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")
    breaker.call(int)
    readings: list[Any] = []
    # Of several weak references the latest calls back first, before that of the metrics.
    callback = weakref.ref(breaker._circuit, lambda _: readings.append(outcomes(metrics)))

    del breaker
    gc.collect()

    assert readings == [{"success": 1}]
    assert callback() is None


def test_time_in_a_state_never_goes_back_when_a_breaker_is_dropped(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", clock=clock)
    clock.advance(10)
    before = metrics.points("circuit_breaker.state.time", "state")

    del breaker
    gc.collect()

    assert metrics.points("circuit_breaker.state.time", "state") == before == {("closed",): 10.0}


def test_a_thousand_dropped_breakers_leave_no_memory_in_use(metrics: Metrics) -> None:
    gc.collect()
    before = sum(type(thing) is CircuitCounters for thing in gc.get_objects())
    circuits: list[weakref.ref[object]] = []
    for _ in range(1_000):
        breaker = CircuitBreaker("payments")
        breaker.call(int)
        circuits.append(weakref.ref(breaker._circuit))
    del breaker
    gc.collect()

    counted = outcomes(metrics)

    assert counted == {"success": 1_000}
    assert [circuit for circuit in circuits if circuit() is not None] == []
    assert sum(type(thing) is CircuitCounters for thing in gc.get_objects()) == before


def test_dropped_breakers_leave_no_memory_in_use_without_any_collection() -> None:
    before = sum(type(thing) is CircuitCounters for thing in gc.get_objects())

    for _ in range(1_000):
        CircuitBreaker("never collected")
    gc.collect()
    last = CircuitBreaker("never collected")

    assert sum(type(thing) is CircuitCounters for thing in gc.get_objects()) == before + 1
    assert last


def test_breakers_may_be_dropped_during_a_collection(metrics: Metrics) -> None:
    stop = threading.Event()

    def make_and_drop() -> int:
        made = 0
        while not stop.is_set():
            CircuitBreaker("payments").call(int)
            made += 1
        return made

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(make_and_drop) for _ in range(2)]
        readings = [outcomes(metrics).get("success", 0) for _ in range(50)]
        stop.set()
        made = sum(worker.result() for worker in workers)
    gc.collect()

    assert readings == sorted(readings)
    assert outcomes(metrics) == {"success": made}


def at_line(number: int, act: Callable[[], None], run: Callable[[], T]) -> tuple[T, bool]:
    """Run a function, with `act` before the nth line of the metrics' own code, and whether there was such a line."""
    lines = count()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if "telemetry/metrics" not in frame.f_code.co_filename:
            return None
        if event == "line" and next(lines) == number:
            sys.settrace(None)
            act()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return run(), next(lines) > number
    finally:
        sys.settrace(before)


def test_breakers_may_be_made_and_dropped_at_any_line_of_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a finaliser or a signal handler does, in the thread that collects."""
    for number in count():
        metric_registry = MetricRegistry()
        monkeypatch.setattr(breaker_module, "METRIC_REGISTRY", metric_registry)
        living = [CircuitBreaker("payments") for _ in range(3)]
        for breaker in living:
            breaker.call(int)
        del living[0], breaker

        counted, was_there = at_line(number, partial(make_and_drop, living), partial(calls, metric_registry))

        assert 3 <= counted <= 5
        assert calls(metric_registry) == (5 if was_there else 3)
        if not was_there:
            break

    assert number > 30


def make_and_drop(living: list[CircuitBreaker]) -> None:
    del living[0]
    for name in ("payments", "search"):
        living.append(CircuitBreaker(name))
        living[-1].call(int)


def calls(metric_registry: MetricRegistry) -> int:
    return sum(aggregate.totals.calls.total() for _, aggregate in metric_registry.aggregates())
