"""Ctrl-C and its like: they reach the caller unchanged, and count neither as success nor as failure."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from otel_breaker.circuit.decisions import Decisions
from otel_breaker.circuit.fast_path import FastPath
from tests.conformance.conftest import Broken, fail, finish, hold, raised_by, refuses, state_pairs, succeed
from tests.conformance.interruptions import Watched, at_every_moment, due_for_a_probe, failing_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def in_a_block(breaker: CircuitBreaker, stop: BaseException) -> None:
    with breaker.guard():
        raise stop


def in_a_block_that_has_failed(breaker: CircuitBreaker, stop: BaseException) -> None:
    with breaker.guard() as call:
        call.failed("503")
        raise stop


def in_a_function(breaker: CircuitBreaker, stop: BaseException) -> None:
    @breaker
    def call() -> None:
        raise stop

    call()


def in_a_coroutine(breaker: CircuitBreaker, stop: BaseException) -> None:
    @breaker
    async def call() -> None:
        raise stop

    call().send(None)


class Abort(BaseException):
    """The exception by which an application server stops its workers."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("shape", [in_a_block, in_a_block_that_has_failed, in_a_function, in_a_coroutine])
def test_an_exception_that_stops_the_program_passes_unchanged_and_counts_as_cancelled(
    clock: FakeClock, shape: Callable[[CircuitBreaker, BaseException], None], kind: type[BaseException]
) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)
    fail(breaker)
    stop = kind()

    with pytest.raises(kind) as seen:
        shape(breaker, stop)

    assert seen.value is stop
    assert (breaker.state, breaker.failures) == (CircuitState.CLOSED, 1)
    assert breaker.snapshot().calls["cancelled"] == 1


@pytest.mark.parametrize("shape", [in_a_block, in_a_block_that_has_failed, in_a_function, in_a_coroutine])
def test_any_other_base_exception_passes_unchanged_and_is_ignored(
    clock: FakeClock, shape: Callable[[CircuitBreaker, BaseException], None]
) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)
    fail(breaker)
    stop = Abort()

    with pytest.raises(Abort) as seen:
        shape(breaker, stop)

    assert seen.value is stop
    assert (breaker.state, breaker.failures) == (CircuitState.CLOSED, 1)
    assert breaker.snapshot().calls["ignored"] == 1


@pytest.fixture
def foreground() -> Iterator[None]:
    """A process that is started in the background may ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("foreground")
def test_a_real_ctrl_c_reaches_the_caller_every_time(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    @breaker
    def call() -> None:
        signal.raise_signal(signal.SIGINT)

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            call()

    assert breaker.snapshot().calls["cancelled"] == 3


# --- in the middle of the breaker's own work


def press_ctrl_c(breaker: CircuitBreaker) -> None:
    raise KeyboardInterrupt


def fail_or_be_interrupted(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        fail(breaker)


def succeed_or_be_interrupted(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        succeed(breaker)


def reset_or_be_interrupted(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        breaker.reset()


def acquire_or_be_interrupted(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        breaker.can_execute()


def still_works(watched: Watched) -> str:
    """Whether the circuit still recovers, trips, and calls listeners; an expired probe may cost one lease."""
    breaker = watched.breaker
    for _ in range(2):
        watched.clock.advance(1_000)
        with suppress(Exception):
            succeed(breaker)
    if breaker.state.value != "closed":
        return f"stays {breaker.state.value}"
    for _ in range(2):
        with suppress(Exception):
            fail(breaker)
    if breaker.state.value != "open":
        return "never trips again"
    return "" if watched.received and watched.received[-1].to_state is CircuitState.OPEN else "listeners are silent"


@pytest.mark.parametrize(
    ("prepare", "work"),
    [
        (failing_once, fail_or_be_interrupted),
        (failing_once, succeed_or_be_interrupted),
        (due_for_a_probe, fail_or_be_interrupted),
        (due_for_a_probe, succeed_or_be_interrupted),
        (due_for_a_probe, reset_or_be_interrupted),
    ],
)
def test_a_ctrl_c_in_the_middle_of_a_decision_leaves_a_circuit_that_works(
    prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], None]
) -> None:
    problems = at_every_moment(prepare, work, press_ctrl_c, still_works, by="signal")

    assert problems == {}


# --- what an interrupt must not leave behind


def waiting(watched: Watched) -> list[str]:
    """The state changes that are not delivered, by their target."""
    dispatcher = watched.breaker._circuit.history.dispatcher
    return [] if dispatcher is None else [pending.change.to_state.value for pending in dispatcher.queue]


def delivers_every_later_change(watched: Watched) -> str:
    """Whether listeners receive each change after the interrupt, in order, and no change waits for ever."""
    watched.clock.advance(1_000)
    count = len(watched.received)
    watched.breaker.reset()
    watched.breaker.force_open()
    watched.breaker.reset()
    last = state_pairs(watched.received[count:])[-2:]
    if last != [("closed", "forced_open"), ("forced_open", "closed")]:
        return f"listeners received {last}"
    return f"{waiting(watched)} wait for ever" if waiting(watched) else ""


@pytest.mark.parametrize(
    ("prepare", "work"),
    [
        (failing_once, fail_or_be_interrupted),
        (due_for_a_probe, fail_or_be_interrupted),
        (due_for_a_probe, succeed_or_be_interrupted),
        (due_for_a_probe, acquire_or_be_interrupted),
        (due_for_a_probe, reset_or_be_interrupted),
    ],
)
def test_after_a_ctrl_c_anywhere_listeners_receive_every_later_change(
    spans: Spans, prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], None]
) -> None:
    problems = at_every_moment(prepare, work, press_ctrl_c, delivers_every_later_change, by="signal")

    assert problems == {}


def test_a_change_whose_call_is_interrupted_before_its_dispatch_is_delivered_at_the_interrupt(spans: Spans) -> None:
    def delivers_each(watched: Watched) -> str:
        """The decision itself may be lost with the interrupt; the changes that were made are received."""
        state = watched.breaker.state.value
        delivered = state_pairs(watched.received)[-1][1]
        queued = waiting(watched)
        return f"is {state}, received {delivered}, and {queued} wait" if queued else ""

    problems = at_every_moment(due_for_a_probe, succeed_or_be_interrupted, press_ctrl_c, delivers_each, by="signal")

    assert problems == {}


def test_a_change_that_was_never_dispatched_is_delivered_with_the_next(clock: FakeClock) -> None:
    watched = due_for_a_probe()
    circuit = watched.breaker._circuit
    circuit.acquire_permit(circuit)  # as after two interrupts, one in the handling of the other
    assert len(waiting(watched)) == 1

    watched.breaker.force_open()

    assert state_pairs(watched.received) == [("closed", "open"), ("open", "half_open"), ("half_open", "forced_open")]
    assert not waiting(watched)


@pytest.mark.parametrize("settings", [{}, {"slow_call_duration": 60, "slow_call_rate": 0.5}])
def test_an_interrupt_before_a_circuit_publishes_its_fast_path_leaves_no_permit_of_a_closed_period(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, float]
) -> None:
    breaker = Watched.new(failure_threshold=2, **settings).breaker  # type: ignore[arg-type]
    guarded = breaker(int)
    fail(breaker)
    last = hold(breaker)
    with monkeypatch.context() as entered:
        entered.setattr(FastPath, "publish", lambda *_: press_ctrl_c(breaker))
        with suppress(KeyboardInterrupt):
            finish(last, Broken())
    assert breaker.state is CircuitState.OPEN

    refused = sum(raised_by(guarded) is CircuitOpenError for _ in range(1_000))

    assert refused == 1_000


def call_when_another_hangs(breaker: CircuitBreaker, clock: FakeClock) -> None:
    hold(breaker)
    clock.advance(61)
    breaker.call(int)


def suspend_a_slow_step(breaker: CircuitBreaker, clock: FakeClock) -> None:
    @breaker
    def stream() -> Iterator[int]:
        clock.advance(61)
        yield 1

    next(stream())


def command(breaker: CircuitBreaker, clock: FakeClock) -> None:
    breaker.force_open()


@pytest.mark.parametrize("open_it", [call_when_another_hangs, suspend_a_slow_step, command])
def test_an_interrupt_while_a_circuit_opens_leaves_no_permit_of_a_closed_period(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, open_it: Callable[[CircuitBreaker, FakeClock], None]
) -> None:
    breaker = CircuitBreaker(slow_call_duration=60, slow_call_rate=0.5, minimum_calls=1, clock=clock)
    guarded = breaker(int)
    guarded()
    with monkeypatch.context() as entered:
        entered.setattr(FastPath, "publish", lambda *_: press_ctrl_c(breaker))
        with suppress(KeyboardInterrupt):
            open_it(breaker, clock)
    assert breaker.state in (CircuitState.OPEN, CircuitState.FORCED_OPEN)

    assert [raised_by(guarded) for _ in range(3)] == [CircuitOpenError] * 3


def test_an_interrupt_anywhere_lets_no_call_through_an_open_circuit() -> None:
    def refuses_while_open(watched: Watched) -> str:
        is_open = watched.breaker.state is CircuitState.OPEN
        return "passes an open circuit" if is_open and not refuses(watched.breaker) else ""

    problems = at_every_moment(failing_once, fail_or_be_interrupted, press_ctrl_c, refuses_while_open, by="signal")

    assert problems == {}


def test_a_call_is_not_in_flight_for_ever_when_taking_in_its_end_is_interrupted(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = CircuitBreaker(slow_call_duration=60, slow_call_rate=0.5, minimum_calls=1, clock=clock)
    with monkeypatch.context() as recording:
        recording.setattr(Decisions, "_record_locked", lambda *_: press_ctrl_c(breaker))
        fail_or_be_interrupted(breaker)

    clock.advance(100)

    assert not refuses(breaker)
    assert breaker.snapshot().window_slow == 0
