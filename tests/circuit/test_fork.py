"""A forked child has the state of its parent, and a lock and counts of its own."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_child(check: Callable[[], bool]) -> bool:
    """Whether a function returns True in a forked child; an alarm ends a child that hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        answer = 1
        try:
            answer = 0 if check() else 1
        finally:
            os._exit(answer)
    return os.waitpid(child, 0)[1] == 0


def test_a_child_keeps_the_state() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    breaker.record_failure()

    assert in_child(lambda: breaker.state is CircuitState.OPEN and breaker.can_execute() is None)


def test_a_child_counts_from_zero_and_its_parent_does_not() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    breaker.record_success()
    breaker.record_failure()
    breaker.can_execute()

    assert in_child(lambda: set(breaker.snapshot().calls.values()) == {0})
    assert breaker.snapshot().calls == {"success": 1, "failure": 1, "ignored": 0, "rejected": 1, "cancelled": 0}


def test_a_child_counts_its_own_calls() -> None:
    breaker = CircuitBreaker()
    breaker.record_success()

    def call() -> bool:
        breaker.call(int)
        return breaker.snapshot().calls["success"] == 1

    assert in_child(call)


def test_a_child_has_a_free_lock_though_another_thread_held_it() -> None:
    breaker = CircuitBreaker()
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with breaker._circuit._lock:
            held.set()
            let_go.wait(30)

    with ThreadPoolExecutor(1) as another:
        another.submit(hold)
        assert held.wait(10)
        free = in_child(lambda: breaker.can_execute() is not None and breaker.failures == 0 and _trips(breaker))
        let_go.set()

    assert free


def test_a_child_does_not_wait_for_the_probes_of_its_parent(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.can_execute()

    assert in_child(lambda: breaker.snapshot().probes_in_flight == 0 and breaker.can_execute() is not None)
    assert breaker.snapshot().probes_in_flight == 1


def test_a_child_calls_its_listeners_though_the_fork_came_while_its_parent_called_them() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    received: list[object] = []
    answers: list[bool] = []

    def reset() -> bool:
        breaker.add_listener(received.append)
        breaker.reset()
        return len(received) == 1

    def fork(change: object) -> None:
        breaker.remove_listener(fork)
        answers.append(in_child(reset))

    breaker.add_listener(fork)

    breaker.record_failure()

    assert answers == [True]


def test_a_closed_circuit_of_a_child_has_been_so_only_since_the_fork(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    clock.advance(100)

    def since_the_fork() -> bool:
        clock.advance(1)
        return breaker._circuit.read().totals.seconds[CircuitState.CLOSED] == 1.0

    assert in_child(since_the_fork)


def _trips(breaker: CircuitBreaker) -> bool:
    for _ in range(5):
        breaker.record_failure()
    return breaker.state is CircuitState.OPEN


def test_a_clock_that_raises_in_the_child_leaves_no_other_circuit_locked() -> None:
    parent = os.getpid()

    def clock() -> float:
        if os.getpid() != parent:
            raise OSError
        return 0.0

    faulty, other = CircuitBreaker("faulty", clock=clock), CircuitBreaker("other")
    parents_lock = other._circuit._lock

    assert in_child(lambda: other._circuit._lock is not parents_lock)
    assert faulty.state is CircuitState.CLOSED


def test_a_child_starts_with_no_call_in_flight() -> None:
    breaker = CircuitBreaker("limited before a fork", max_in_flight=2)

    def inside() -> bool:
        return in_child(lambda: breaker.snapshot().calls_in_flight == 0 and bool(breaker.can_execute()))

    with breaker.guard():
        assert breaker.call(inside)
        assert breaker.snapshot().calls_in_flight == 1


def test_a_call_that_ends_in_a_child_which_its_function_has_forked_takes_no_place_of_the_childs() -> None:
    breaker = CircuitBreaker("limited over a fork", max_in_flight=1)
    child: list[int] = []

    breaker.call(lambda: child.append(os.fork()))
    if child == [0]:
        os._exit(0 if breaker.snapshot().calls_in_flight == 0 else 1)

    assert os.waitpid(child[0], 0)[1] == 0
