"""A fork at any moment leaves a child whose breakers work, with the state and without the parent's calls."""

from __future__ import annotations

import itertools
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, get_breaker
from otel_breaker.registry import REGISTRY
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from tests.conformance.conftest import (
    PATIENCE,
    RECOVERY,
    Broken,
    changes_of,
    due,
    fail,
    finish,
    hold,
    in_child,
    in_new_process,
    opened,
    refuses,
    succeed,
)
from tests.conformance.interruptions import Watched, due_for_a_probe, failing_once, interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

pytestmark = pytest.mark.processes


def works(watched: Watched) -> str:
    """What is wrong with a circuit in a child, which may have to wait for one recovery time."""
    breaker, clock = watched.breaker, watched.clock
    watched.received.clear()
    clock.advance(RECOVERY)
    succeed(breaker)
    if breaker.state is not CircuitState.CLOSED:
        return f"stays {breaker.state.value}"
    fail(breaker, 2)
    if not refuses(breaker):
        return "never trips again"
    received = [change.to_state.value for change in watched.received[-1:]]
    return "" if received == ["open"] else f"listeners received {received}"


def test_a_child_forked_while_a_thread_is_inside_a_guarded_call_answers(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock, recovery_time=RECOVERY)
    watched = Watched(clock, breaker, changes_of(breaker))
    entered, leave = threading.Event(), threading.Event()

    @breaker
    def call() -> None:
        entered.set()
        leave.wait(PATIENCE)

    busy = threading.Thread(target=call)
    busy.start()
    entered.wait(PATIENCE)
    problem = in_child(lambda: works(watched))
    leave.set()
    busy.join()

    assert problem == ""


def test_a_child_forked_while_threads_hammer_the_breaker_answers_every_time() -> None:
    watched = Watched.new(failure_threshold=2)
    over = threading.Event()

    def hammer() -> None:
        while not over.is_set():
            with suppress(CircuitOpenError):
                fail(watched.breaker)
                succeed(watched.breaker)
            watched.breaker.reset()

    def recovers() -> str:
        watched.breaker.reset()
        return works(watched)

    threads = [threading.Thread(target=hammer, daemon=True) for _ in range(4)]
    with ExitStack() as stack:
        stack.callback(over.set)
        for thread in threads:
            thread.start()
        problems = [in_child(recovers) for _ in range(20)]

    for thread in threads:
        thread.join(PATIENCE)
    assert problems == [""] * 20


IMPORTS = """
from otel_breaker import CircuitBreaker
from tests.conformance.conftest import *
from tests.conformance.interruptions import *
from tests.conformance.test_forks import fork_everywhere, fork_while_a_breaker_is_made
"""


@pytest.mark.parametrize(
    ("prepare", "work"),
    [(failing_once, fail), (due_for_a_probe, succeed), (due_for_a_probe, CircuitBreaker.reset)],
)
def test_a_fork_in_the_middle_of_a_decision_leaves_a_child_whose_circuit_works(
    prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], Any]
) -> None:
    # In a process of its own: it is small, and so are its many forks.
    script = f"{IMPORTS}\nfork_everywhere({prepare.__name__}, {work.__qualname__})"

    assert in_new_process(script, 60) == "{}"


def fork_everywhere(prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], Any]) -> None:
    problems: dict[str, list[str]] = {}
    for moment in itertools.count():
        watched = prepare()
        place, problem = fork_at(moment, partial(work, watched.breaker), partial(works, watched))
        if not place:
            break
        if problem:
            problems.setdefault(problem, []).append(place)
    assert moment > 10
    sys.stdout.write(str(problems))


def test_a_fork_while_a_thread_makes_a_breaker_leaves_a_child_that_can_make_one() -> None:
    output = in_new_process(f"{IMPORTS}\nfork_while_a_breaker_is_made()", 60)

    assert output.startswith("fine until ")


def fork_while_a_breaker_is_made() -> None:
    for moment in itertools.count(step=7):  # moments are many, and a fault lasts for several
        work = partial(get_breaker, f"test_forks {moment}", failure_threshold=3)
        place, problem = fork_at(moment, work, make_and_trip)
        if problem or not place:
            sys.stdout.write(f"{place}: {problem}" if problem else f"fine until {moment}")
            return


def make_and_trip() -> str:
    """What is wrong with a new breaker."""
    breaker = get_breaker("test_forks in a child", failure_threshold=2)
    fail(breaker, 2)
    return "" if refuses(breaker) else "does not trip"


def fork_at(moment: int, work: Callable[[], Any], check: Callable[[], str]) -> tuple[str, str]:
    """Fork while another thread pauses at a moment of its work; returns what is wrong in the child."""
    reached, leave = threading.Event(), threading.Event()
    place = ""

    def pause() -> None:
        reached.set()
        leave.wait(PATIENCE)

    def run() -> None:
        nonlocal place
        place = interrupted(work, pause, moment, by="signal")
        reached.set()

    thread = threading.Thread(target=run)
    thread.start()
    reached.wait(PATIENCE)
    try:
        problem = in_child(check, 3) if thread.is_alive() else ""
    except AssertionError as error:
        problem = str(error)
    leave.set()
    thread.join(PATIENCE)
    return place, problem


def delivering() -> Any:
    """The lock of a dispatcher, which a circuit has from its first state change on."""
    breaker = get_breaker("test_forks")
    breaker.force_open()
    breaker.reset()
    dispatcher = breaker._circuit.history.dispatcher
    assert dispatcher is not None
    return dispatcher._delivering


LOCKS: dict[str, Callable[[], Any]] = {
    "circuit": lambda: get_breaker("test_forks")._circuit._lock,
    "dispatcher": delivering,
    "registry": lambda: REGISTRY._lock,
    "settings by name": lambda: REGISTRY._settings._lock,
    "keyed": lambda: REGISTRY.get_keyed("test_forks keyed", {})._lock,
    "metrics": lambda: METRIC_REGISTRY._lock,
}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_child_does_not_wait_for_a_lock_that_a_thread_of_its_parent_held(lock: str) -> None:
    get_breaker("test_forks"), get_breaker("test_forks keyed", key="first")
    held, leave = threading.Event(), threading.Event()

    def keep() -> None:
        with LOCKS[lock]():
            held.set()
            leave.wait(PATIENCE)

    def use_everything() -> int:
        new = CircuitBreaker(f"test_forks {lock}", failure_threshold=1)
        changes = changes_of(new)
        fail(new)
        fail(get_breaker("test_forks"))
        succeed(get_breaker("test_forks keyed", key="second"))
        list(METRIC_REGISTRY.aggregates())
        return len(changes)

    busy = threading.Thread(target=keep)
    busy.start()
    held.wait(PATIENCE)
    try:
        assert in_child(use_everything) == 1
    finally:
        leave.set()
        busy.join()


def test_a_child_keeps_the_state_and_its_deadline(clock: FakeClock) -> None:
    breaker = opened(clock)
    clock.advance(4)

    assert in_child(lambda: (breaker.state.value, breaker.snapshot().retry_after)) == ("open", RECOVERY - 4)


def test_a_child_counts_from_zero_and_for_itself(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    succeed(breaker)
    fail(breaker)

    def count() -> tuple[int, int]:
        before = sum(breaker.snapshot().calls.values())
        succeed(breaker)
        return before, sum(breaker.snapshot().calls.values())

    assert in_child(count) == (0, 1)
    assert sum(breaker.snapshot().calls.values()) == 2


def test_a_probe_of_the_parent_holds_no_lease_in_the_child(clock: FakeClock) -> None:
    breaker = due(clock)
    probe = hold(breaker)

    in_the_child = in_child(lambda: (breaker.snapshot().probes_in_flight, refuses(breaker)))
    finish(probe, Broken())

    assert in_the_child == (0, False)
    assert breaker.state is CircuitState.OPEN


def test_the_calls_of_a_child_have_no_effect_in_the_parent(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    in_child(lambda: fail(breaker))

    assert breaker.state is CircuitState.CLOSED
    assert breaker.failures == 0
