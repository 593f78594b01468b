"""What listeners receive, when they are called, and what they may do."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, Mode, StateChange
from tests.conformance.conftest import elsewhere, in_child
from tests.conformance.interruptions import Watched, at_every_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

    Listener = Callable[[StateChange], None]


def test_a_listener_receives_one_record_for_each_state_change_with_its_reason(clock: FakeClock) -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker("payments", failure_threshold=2, recovery_time=30, clock=clock)
    breaker.add_listener(received.append)

    breaker.record_failure()
    breaker.record_failure()
    clock.advance(30)
    breaker.record_success(breaker.can_execute())

    assert [(change.from_state.value, change.to_state.value, change.reason.value) for change in received] == [
        ("closed", "open", "failure_threshold"),
        ("open", "half_open", "recovery_time_elapsed"),
        ("half_open", "closed", "probe_succeeded"),
    ]
    assert {(change.name, change.key, change.mode) for change in received} == {("payments", None, Mode.ENFORCE)}
    assert len({change.episode for change in received}) == 1


def test_listeners_are_called_in_the_order_in_which_they_were_added() -> None:
    received: list[str] = []
    breaker = CircuitBreaker()
    for name in ("first", "second", "third"):
        breaker.add_listener(lambda _, name=name: received.append(name))  # type: ignore[misc]

    breaker.force_open()

    assert received == ["first", "second", "third"]


def test_the_record_of_a_trip_holds_the_evidence() -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker(failure_threshold=2, recovery_time=30)
    breaker.add_listener(received.append)

    breaker.record_failure()
    breaker.record_failure()

    assert (received[0].counts.consecutive_failures, received[0].threshold, received[0].open_time) == (2, 2, 30.0)
    assert received[0].timestamp == breaker.last_state_change


def test_a_record_is_frozen() -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker()
    breaker.add_listener(received.append)

    breaker.force_open()

    with pytest.raises(dataclasses.FrozenInstanceError):
        received[0].name = "other"  # type: ignore[misc]


def test_a_listener_is_never_called_under_the_lock() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    seen: list[CircuitState] = []

    def read_in_another_thread(change: StateChange) -> None:
        with ThreadPoolExecutor(1) as another:
            seen.append(another.submit(breaker.snapshot).result(timeout=10).state)

    breaker.add_listener(read_in_another_thread)

    breaker.record_failure()
    breaker.reset()
    breaker.force_open()

    assert seen == [CircuitState.OPEN, CircuitState.CLOSED, CircuitState.FORCED_OPEN]


def test_listeners_are_called_before_a_probe_begins_and_not_under_the_lock(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    seen: list[CircuitState] = []

    def read_in_another_thread(change: StateChange) -> None:
        with ThreadPoolExecutor(1) as another:
            seen.append(another.submit(breaker.snapshot).result(timeout=10).state)

    breaker.record_failure()
    clock.advance(60)
    breaker.add_listener(read_in_another_thread)

    with breaker.guard():
        before_the_result = list(seen)

    assert before_the_result == [CircuitState.HALF_OPEN]


def test_a_listener_may_make_guarded_calls() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    received: list[str] = []

    def retry(change: StateChange) -> None:
        received.append(change.to_state.value)
        if change.to_state is CircuitState.OPEN:
            breaker.reset()
            with breaker.guard():
                received.append("called")

    breaker.add_listener(retry)

    breaker.record_failure()

    assert received == ["open", "called", "closed"]
    assert breaker.snapshot().calls["success"] == 1


def test_a_listener_learns_of_an_expired_probe_from_the_refused_call_that_detects_it(clock: FakeClock) -> None:
    received: list[str] = []
    breaker = CircuitBreaker(failure_threshold=1, probe_timeout=5, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.can_execute()
    clock.advance(5)
    breaker.add_listener(lambda change: received.append(change.reason.value))

    with pytest.raises(CircuitOpenError):
        breaker.call(int)

    assert received == ["probe_timeout"]


def test_a_listener_learns_of_a_probe_that_ends_after_its_deadline(clock: FakeClock) -> None:
    received: list[str] = []
    breaker = CircuitBreaker(failure_threshold=1, probe_timeout=5, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    probe = breaker.can_execute()
    clock.advance(5)
    breaker.add_listener(lambda change: received.append(change.reason.value))

    breaker.record_success(probe)

    assert received == ["probe_timeout"]


def test_a_listener_learns_of_overdue_calls_from_the_outcome_that_detects_them(clock: FakeClock) -> None:
    received: list[str] = []
    breaker = CircuitBreaker(slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1, clock=clock)
    breaker.add_listener(lambda change: received.append(change.reason.value))
    breaker.can_execute()
    clock.advance(1)
    quick = breaker.can_execute()
    clock.advance(1)

    breaker.record_success(quick)

    assert received == ["slow_call_rate"]


def test_a_listener_that_was_removed_is_not_called() -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker()
    breaker.add_listener(received.append)

    breaker.remove_listener(received.append)
    breaker.force_open()

    assert received == []


def test_a_method_that_listens_is_forgotten_with_its_object() -> None:
    class Monitor:
        def listen(self, change: StateChange) -> None:
            received.append(change)

    received: list[StateChange] = []
    breaker, monitor = CircuitBreaker(), Monitor()
    breaker.add_listener(monitor.listen)

    breaker.force_open()
    del monitor
    gc.collect()
    breaker.reset()

    assert [change.to_state for change in received] == [CircuitState.FORCED_OPEN]


def test_methods_that_listened_leave_nothing_behind() -> None:
    class Monitor:
        def listen(self, change: StateChange) -> None:
            pass

    breaker = CircuitBreaker()

    for _ in range(100):
        breaker.add_listener(Monitor().listen)

    assert breaker._listeners is not None
    assert len(breaker._listeners._references) == 1


def test_a_function_that_listens_is_kept() -> None:
    received: list[StateChange] = []
    breaker = CircuitBreaker()

    def listen(change: StateChange) -> None:
        received.append(change)

    breaker.add_listener(listen)
    del listen
    gc.collect()
    breaker.force_open()

    assert len(received) == 1


def test_a_listener_that_raises_does_not_reach_the_call() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    def bad(change: StateChange) -> None:
        raise ValueError("listener")

    breaker.add_listener(bad)

    with pytest.raises(TimeoutError, match="own"), breaker.guard():
        raise TimeoutError("own")

    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit])
def test_a_listener_that_raises_what_stops_a_task_does_not_reach_the_call(kind: type[BaseException]) -> None:
    """No task is cancelled within a function call: the listener has waited for a task of its own."""
    breaker, received = CircuitBreaker(failure_threshold=1), list[StateChange]()

    def cancelled(change: StateChange) -> None:
        raise kind

    breaker.add_listener(cancelled)
    breaker.add_listener(received.append)

    with pytest.raises(TimeoutError, match="own"), breaker.guard():
        raise TimeoutError("own")

    assert [change.to_state for change in received] == [CircuitState.OPEN]


def test_an_interrupt_while_a_listener_runs_reaches_the_thread_and_later_changes_are_delivered() -> None:
    breaker, received = CircuitBreaker(), list[StateChange]()
    interrupts = [KeyboardInterrupt()]

    def listen(change: StateChange) -> None:
        if interrupts:
            raise interrupts.pop()
        received.append(change)

    breaker.add_listener(listen)

    with pytest.raises(KeyboardInterrupt):
        breaker.force_open()
    breaker.reset()

    assert [change.to_state for change in received] == [CircuitState.CLOSED]


class Slow:
    """A listener whose comparison is slow, and meanwhile does something else."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile

    def __call__(self, change: StateChange) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        self._meanwhile()
        return self is other

    __hash__ = None  # type: ignore[assignment]


def test_a_listener_with_its_own_comparison_blocks_no_other_thread() -> None:
    breaker = CircuitBreaker()
    added: list[StateChange] = []
    breaker.add_listener(Slow(lambda: elsewhere(lambda: breaker.add_listener(added.append))))

    breaker.remove_listener(print)
    breaker.force_open()

    assert len(added) == 1


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_adds_listeners_though_another_thread_was_changing_them() -> None:
    breaker = CircuitBreaker()
    comparing, let_go = threading.Event(), threading.Event()

    def compare() -> None:
        comparing.set()
        let_go.wait(20)

    breaker.add_listener(Slow(compare))

    def listen() -> int:
        received: list[StateChange] = []
        breaker.add_listener(received.append)
        breaker.force_open()
        return len(received)

    with ThreadPoolExecutor(1) as another:
        another.submit(breaker.remove_listener, print)
        assert comparing.wait(20)
        received = in_child(listen)
        let_go.set()

    assert received == 1


def test_a_signal_handler_may_add_and_remove_listeners_while_its_thread_does_so() -> None:
    def add_and_remove(breaker: CircuitBreaker) -> None:
        received: list[StateChange] = []
        breaker.add_listener(received.append)
        breaker.remove_listener(received.append)

    def handle(breaker: CircuitBreaker) -> None:
        add_and_remove(breaker)
        breaker.add_listener(handled.append)

    def all_receive(watched: Watched) -> str:
        handled.clear()
        watched.breaker.force_open()
        return "" if len(handled) == 1 and watched.received else f"received {len(handled)} and {len(watched.received)}"

    handled: list[StateChange] = []

    problems = at_every_moment(Watched.new, add_and_remove, handle, all_receive)

    assert problems == {}
