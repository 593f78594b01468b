"""A guarded call, a command or another thread's call at every instruction of a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.conformance.conftest import RECOVERY, elsewhere, fail, hold, refuses, state_pairs, succeed
from tests.conformance.interruptions import (
    Watched,
    at_every_moment,
    due_for_a_probe,
    failing_once,
    is_consistent,
    just_opened,
    quietly,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def counted_twice(prepare: Callable[[], Watched]) -> Callable[[Watched], str]:
    before = sum(prepare().breaker.snapshot().calls.values())

    def check(watched: Watched) -> str:
        calls = sum(watched.breaker.snapshot().calls.values()) - before
        return is_consistent(watched) if calls == 2 else f"counted {calls} of 2 calls"

    return check


@pytest.mark.parametrize(
    ("prepare", "work", "handler", "by"),
    [
        (failing_once, fail, fail, "opcode"),
        (failing_once, succeed, fail, "opcode"),
        (just_opened, succeed, succeed, "opcode"),
        (due_for_a_probe, succeed, fail, "opcode"),
        (due_for_a_probe, fail, succeed, "signal"),
    ],
)
def test_a_call_in_the_middle_of_a_call_is_counted_and_breaks_nothing(
    prepare: Callable[[], Watched],
    work: Callable[[CircuitBreaker], None],
    handler: Callable[[CircuitBreaker], None],
    by: str,
) -> None:
    problems = at_every_moment(prepare, quietly(work), quietly(handler), counted_twice(prepare), by=by)

    assert problems == {}


@pytest.mark.parametrize(
    ("prepare", "work", "handler"),
    [
        (failing_once, CircuitBreaker.force_open, fail),
        (failing_once, CircuitBreaker.reset, fail),
        (due_for_a_probe, CircuitBreaker.force_closed, succeed),
        (due_for_a_probe, CircuitBreaker.reset, succeed),
    ],
)
def test_a_call_in_the_middle_of_an_operators_command_breaks_nothing(
    prepare: Callable[[], Watched],
    work: Callable[[CircuitBreaker], None],
    handler: Callable[[CircuitBreaker], None],
) -> None:
    problems = at_every_moment(prepare, work, quietly(handler), is_consistent)

    assert problems == {}


@pytest.mark.parametrize(
    ("prepare", "work"),
    [
        (failing_once, fail),
        (due_for_a_probe, succeed),
        (due_for_a_probe, CircuitBreaker.can_execute),
        (failing_once, CircuitBreaker.snapshot),
        (failing_once, CircuitBreaker.record_success),
    ],
)
def test_a_command_of_a_signal_handler_at_any_instruction_is_carried_out(
    prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], Any]
) -> None:
    def carried_out(watched: Watched) -> str:
        state = watched.breaker.state.value
        return is_consistent(watched) if state == "forced_open" else f"is {state}"

    problems = at_every_moment(prepare, quietly(work), CircuitBreaker.force_open, carried_out, by="signal")

    assert problems == {}


def test_a_handler_that_interrupts_a_caller_at_half_open_is_no_second_probe() -> None:
    def probing_elsewhere() -> Watched:
        watched = due_for_a_probe()
        elsewhere(lambda: watched.breaker.guard().__enter__())
        return watched

    admitted: list[bool] = []
    problems = at_every_moment(
        probing_elsewhere, refuses, lambda breaker: admitted.append(not refuses(breaker)), lambda _: ""
    )

    assert problems == {}
    assert not any(admitted)


def test_a_probe_that_a_finaliser_gives_up_in_the_middle_of_a_decision_ends_with_its_lease_at_the_latest() -> None:
    probes: list[Iterator[int]] = []

    def stream(breaker: CircuitBreaker) -> Iterator[int]:
        with breaker.guard():
            yield 1
            yield 2

    def one_of_two_probes_out() -> Watched:
        watched = Watched.new(failure_threshold=1, half_open_calls=2, probe_timeout=60)
        fail(watched.breaker)
        watched.clock.advance(RECOVERY)
        probes[:] = [stream(watched.breaker)]
        next(probes[0])
        return watched

    def drop_the_probe(_: CircuitBreaker) -> None:
        probes.clear()

    def recovers(watched: Watched) -> str:
        watched.clock.advance(60 + RECOVERY)
        return "never recovers" if refuses(watched.breaker) else ""

    problems = at_every_moment(one_of_two_probes_out, succeed, drop_the_probe, recovers)

    assert problems == {}


# --- another thread


def by_another_thread(act: Callable[[CircuitBreaker], object]) -> Callable[[CircuitBreaker], object]:
    """Run in another thread, unless that would have to wait for the lock."""

    def switch(breaker: CircuitBreaker) -> None:
        if not breaker._circuit._lock._is_owned():  # type: ignore[attr-defined]
            elsewhere(lambda: act(breaker))

    return switch


@pytest.mark.parametrize(
    ("prepare", "by", "expected"),
    [
        (failing_once, "opcode", [("closed", "open")]),
        (due_for_a_probe, "signal", [("closed", "open"), ("open", "half_open"), ("half_open", "open")]),
    ],
)
def test_two_threads_that_fail_at_once_cause_each_transition_once(
    prepare: Callable[[], Watched], by: str, expected: list[tuple[str, str]]
) -> None:
    def once(watched: Watched) -> str:
        received = state_pairs(watched.received)
        return is_consistent(watched) if received == expected else f"listeners received {received}"

    problems = at_every_moment(prepare, quietly(fail), by_another_thread(quietly(fail)), once, by=by)

    assert problems == {}


def test_of_two_threads_that_call_at_half_open_one_is_admitted() -> None:
    admitted: list[str] = []

    def acquire(breaker: CircuitBreaker) -> None:
        try:
            hold(breaker)
        except CircuitOpenError:
            return
        admitted.append("a place")

    def prepare() -> Watched:
        admitted.clear()
        return due_for_a_probe()

    problems = at_every_moment(
        prepare, acquire, by_another_thread(acquire), lambda _: "" if len(admitted) == 1 else f"admitted {admitted}"
    )

    assert problems == {}


@pytest.mark.parametrize(
    ("work", "other"), [(fail, CircuitBreaker.reset), (CircuitBreaker.reset, fail), (fail, CircuitBreaker.force_open)]
)
def test_a_call_and_a_command_of_another_thread_are_two_changes_in_one_order(
    work: Callable[[CircuitBreaker], None], other: Callable[[CircuitBreaker], None]
) -> None:
    problems = at_every_moment(failing_once, quietly(work), by_another_thread(quietly(other)), is_consistent)

    assert problems == {}


# --- calls that are timed


def timed() -> Watched:
    return Watched.new(failure_threshold=3, slow_call_duration=60, slow_call_rate=0.5, minimum_calls=2)


def left_in_flight(watched: Watched) -> str:
    """Whether calls that have ended stay in flight, and count as slow 100 seconds later."""
    breaker = watched.breaker
    in_flight = len(breaker._circuit._machine._closed.in_flight)
    watched.clock.advance(100)
    if refuses(breaker):
        return f"a quick call is refused, {in_flight} in flight"
    return f"{in_flight} in flight" if in_flight else ""


@pytest.mark.parametrize("work", [fail, succeed])
@pytest.mark.parametrize("handler", [fail, succeed, CircuitBreaker.can_execute])
def test_a_call_that_ends_in_the_middle_of_a_decision_is_in_flight_no_longer(
    work: Callable[[CircuitBreaker], None], handler: Callable[[CircuitBreaker], object]
) -> None:
    def handle(breaker: CircuitBreaker) -> None:
        if handler is CircuitBreaker.can_execute:
            breaker.record_success(breaker.can_execute())
        else:
            handler(breaker)

    problems = at_every_moment(timed, quietly(work), quietly(handle), left_in_flight, by="signal")

    assert problems == {}


def test_a_stream_that_waits_or_ends_in_the_middle_of_a_decision_is_in_flight_no_longer() -> None:
    def stream(breaker: CircuitBreaker) -> None:
        @breaker
        def items() -> Iterator[int]:
            yield 1
            yield 2

        waiting = items()
        next(waiting)
        streams.append(waiting)  # it waits for its consumer

    def left(watched: Watched) -> str:
        problem = left_in_flight(watched)
        streams.clear()
        return problem

    streams: list[Iterator[int]] = []

    problems = at_every_moment(timed, quietly(fail), quietly(stream), left, by="signal")

    assert problems == {}
