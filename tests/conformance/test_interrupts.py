"""Ctrl-C and its like: they reach the caller as they are, and count as neither outcome (F13)."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from tests.conformance.conftest import fail, succeed
from tests.conformance.interruptions import Watched, at_every_moment, due_for_a_probe, failing_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    """What an application server stops its workers with."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("shape", [in_a_block, in_a_block_that_has_failed, in_a_function, in_a_coroutine])
def test_f13_what_stops_the_program_passes_untouched_and_counts_as_cancelled(
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
def test_what_is_no_exception_and_no_cancellation_passes_untouched_and_is_ignored(
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
    """What is started in the background may ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("foreground")
def test_f13_a_real_ctrl_c_reaches_the_caller_every_time(clock: FakeClock) -> None:
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


def fail_or_be_stopped(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        fail(breaker)


def succeed_or_be_stopped(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        succeed(breaker)


def reset_or_be_stopped(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt):
        breaker.reset()


def still_works(watched: Watched) -> str:
    """Whether the circuit still recovers, trips, and says so; a lost probe may cost one lease."""
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
    return "" if watched.told and watched.told[-1].to_state is CircuitState.OPEN else "listeners hear no more"


@pytest.mark.parametrize(
    ("prepare", "work"),
    [
        (failing_once, fail_or_be_stopped),
        (failing_once, succeed_or_be_stopped),
        (due_for_a_probe, fail_or_be_stopped),
        (due_for_a_probe, succeed_or_be_stopped),
        (due_for_a_probe, reset_or_be_stopped),
    ],
)
def test_f13_a_ctrl_c_in_the_middle_of_a_decision_leaves_a_circuit_that_works(
    prepare: Callable[[], Watched], work: Callable[[CircuitBreaker], None]
) -> None:
    complaints = at_every_moment(prepare, work, press_ctrl_c, still_works, by="signal")

    assert complaints == {}
