"""What listeners of a breaker are told, when, and what they may do."""

from __future__ import annotations

import dataclasses
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, StateChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

    Listener = Callable[[StateChange], None]


def test_a_listener_gets_one_record_for_each_move_with_its_reason(clock: FakeClock) -> None:
    told: list[StateChange] = []
    breaker = CircuitBreaker("payments", failure_threshold=2, recovery_time=30, clock=clock)
    breaker.add_listener(told.append)

    breaker.record_failure()
    breaker.record_failure()
    clock.advance(30)
    breaker.record_success(breaker.can_execute())

    assert [(change.from_state.value, change.to_state.value, change.reason.value) for change in told] == [
        ("closed", "open", "failure_threshold"),
        ("open", "half_open", "recovery_time_elapsed"),
        ("half_open", "closed", "probe_succeeded"),
    ]
    assert {(change.name, change.key, change.mode) for change in told} == {("payments", None, "enforce")}
    assert len({change.episode for change in told}) == 1


def test_listeners_are_told_in_the_order_in_which_they_joined() -> None:
    told: list[str] = []
    breaker = CircuitBreaker()
    for name in ("first", "second", "third"):
        breaker.add_listener(lambda _, name=name: told.append(name))  # type: ignore[misc]

    breaker.force_open()

    assert told == ["first", "second", "third"]


def test_the_record_of_a_trip_holds_the_evidence() -> None:
    told: list[StateChange] = []
    breaker = CircuitBreaker(failure_threshold=2, recovery_time=30)
    breaker.add_listener(told.append)

    breaker.record_failure()
    breaker.record_failure()

    assert (told[0].counts.consecutive_failures, told[0].threshold, told[0].open_time) == (2, 2, 30.0)
    assert told[0].timestamp == breaker.last_state_change


def test_a_record_is_frozen() -> None:
    told: list[StateChange] = []
    breaker = CircuitBreaker()
    breaker.add_listener(told.append)

    breaker.force_open()

    with pytest.raises(dataclasses.FrozenInstanceError):
        told[0].name = "other"  # type: ignore[misc]


def test_a_listener_is_never_called_under_the_lock() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    seen: list[CircuitState] = []

    def ask_another_thread(change: StateChange) -> None:
        with ThreadPoolExecutor(1) as another:
            seen.append(another.submit(breaker.snapshot).result(timeout=10).state)

    breaker.add_listener(ask_another_thread)

    breaker.record_failure()
    breaker.reset()
    breaker.force_open()

    assert seen == [CircuitState.OPEN, CircuitState.CLOSED, CircuitState.FORCED_OPEN]


def test_a_probe_is_announced_before_it_begins_and_not_under_the_lock(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    seen: list[CircuitState] = []

    def ask_another_thread(change: StateChange) -> None:
        with ThreadPoolExecutor(1) as another:
            seen.append(another.submit(breaker.snapshot).result(timeout=10).state)

    breaker.record_failure()
    clock.advance(60)
    breaker.add_listener(ask_another_thread)

    with breaker.guard():
        before_the_result = list(seen)

    assert before_the_result == [CircuitState.HALF_OPEN]


def test_a_listener_may_make_guarded_calls() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    told: list[str] = []

    def retry(change: StateChange) -> None:
        told.append(change.to_state.value)
        if change.to_state is CircuitState.OPEN:
            breaker.reset()
            with breaker.guard():
                told.append("called")

    breaker.add_listener(retry)

    breaker.record_failure()

    assert told == ["open", "called", "closed"]
    assert breaker.snapshot().calls["success"] == 1


def test_a_listener_is_told_of_a_lost_probe_by_the_refused_call_that_notices(clock: FakeClock) -> None:
    told: list[str] = []
    breaker = CircuitBreaker(failure_threshold=1, probe_timeout=5, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.can_execute()
    clock.advance(5)
    breaker.add_listener(lambda change: told.append(change.reason.value))

    with pytest.raises(CircuitOpenError):
        breaker.call(int)

    assert told == ["probe_timeout"]


def test_a_listener_is_told_of_a_probe_that_came_back_too_late(clock: FakeClock) -> None:
    told: list[str] = []
    breaker = CircuitBreaker(failure_threshold=1, probe_timeout=5, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    probe = breaker.can_execute()
    clock.advance(5)
    breaker.add_listener(lambda change: told.append(change.reason.value))

    breaker.record_success(probe)

    assert told == ["probe_timeout"]


def test_a_listener_is_told_of_calls_that_hang_by_the_result_that_notices(clock: FakeClock) -> None:
    told: list[str] = []
    breaker = CircuitBreaker(slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1, clock=clock)
    breaker.add_listener(lambda change: told.append(change.reason.value))
    breaker.can_execute()
    clock.advance(1)
    quick = breaker.can_execute()
    clock.advance(1)

    breaker.record_success(quick)

    assert told == ["slow_call_rate"]


def test_a_listener_that_was_removed_is_not_told() -> None:
    told: list[StateChange] = []
    breaker = CircuitBreaker()
    breaker.add_listener(told.append)

    breaker.remove_listener(told.append)
    breaker.force_open()

    assert told == []


def test_a_method_that_listens_is_forgotten_with_its_object() -> None:
    class Monitor:
        def hear(self, change: StateChange) -> None:
            told.append(change)

    told: list[StateChange] = []
    breaker, monitor = CircuitBreaker(), Monitor()
    breaker.add_listener(monitor.hear)

    breaker.force_open()
    del monitor
    gc.collect()
    breaker.reset()

    assert [change.to_state for change in told] == [CircuitState.FORCED_OPEN]


def test_methods_that_listened_leave_nothing_behind() -> None:
    class Monitor:
        def hear(self, change: StateChange) -> None:
            pass

    breaker = CircuitBreaker()
    before = len(breaker._listeners._references)

    for _ in range(100):
        breaker.add_listener(Monitor().hear)

    assert len(breaker._listeners._references) == before + 1


def test_a_function_that_listens_is_kept() -> None:
    told: list[StateChange] = []
    breaker = CircuitBreaker()

    def hear(change: StateChange) -> None:
        told.append(change)

    breaker.add_listener(hear)
    del hear
    gc.collect()
    breaker.force_open()

    assert len(told) == 1


def test_a_listener_that_raises_does_not_reach_the_call() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    def bad(change: StateChange) -> None:
        raise ValueError("listener")

    breaker.add_listener(bad)

    with pytest.raises(TimeoutError, match="own"), breaker.guard():
        raise TimeoutError("own")

    assert breaker.state is CircuitState.OPEN
