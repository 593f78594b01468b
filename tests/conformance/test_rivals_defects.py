"""Defects that were reproduced in pybreaker and circuitbreaker, and that this breaker does not have.

Many have a more general test elsewhere; these are what was run against the rival.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABCMeta
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, InvalidSettings
from tests.conformance.conftest import (
    PATIENCE,
    Broken,
    cancelled,
    due,
    fail,
    finish,
    hold,
    opened,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import FakeClock

# --- pybreaker 1.4.1


def test_five_threads_are_in_their_calls_at_the_same_time(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    all_inside = threading.Barrier(5)

    @breaker
    def call() -> int:
        return all_inside.wait(PATIENCE)

    assert sorted(together(5, lambda _: call())) == [0, 1, 2, 3, 4]


class Declined(Exception, metaclass=ABCMeta):
    """An exception type that is an instance of something callable."""


def test_an_ignored_type_with_a_metaclass_ignores_itself_and_nothing_else(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, ignore=[Declined], clock=clock)

    with suppress(Declined), breaker.guard():
        raise Declined
    ignored = breaker.snapshot().calls["ignored"]
    fail(breaker, 2)

    assert ignored == 1
    assert breaker.state is CircuitState.OPEN


def test_a_coroutine_function_that_fails_three_times_trips(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, clock=clock)

    @breaker
    async def call() -> None:
        raise Broken

    for _ in range(3):
        with pytest.raises(Broken):
            asyncio.run(call())

    assert breaker.state is CircuitState.OPEN


def test_a_keyboard_interrupt_at_the_threshold_reaches_the_caller_and_does_not_trip(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt

    assert breaker.state is CircuitState.CLOSED


def three_items(breaker: CircuitBreaker) -> Iterator[int]:
    with breaker.guard():
        yield from range(3)


def test_a_stream_that_is_closed_early_is_no_failure(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    streams = [three_items(breaker), breaker(three_items)(breaker)]

    for stream in streams:
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # a generator

    assert breaker.state is CircuitState.CLOSED


# --- circuitbreaker 2.1.3


def test_a_block_while_open_does_not_run_and_does_not_close(clock: FakeClock) -> None:
    breaker = opened(clock)
    ran = []

    with pytest.raises(CircuitOpenError), breaker.guard():
        ran.append("body")

    assert ran == []
    assert breaker.state is CircuitState.OPEN


def reach_in_threads(breaker: CircuitBreaker, threads: int) -> int:
    """How many of many threads reach the dependency at once."""
    all_have_called = threading.Barrier(threads)

    def call_once(_: int) -> bool:
        try:
            with breaker.guard():
                all_have_called.wait(PATIENCE)
                return True
        except CircuitOpenError:
            all_have_called.wait(PATIENCE)
            return False

    return together(threads, call_once).count(True)


def test_of_20_threads_at_half_open_one_is_admitted(clock: FakeClock) -> None:
    assert reach_in_threads(due(clock), 20) == 1


def test_a_cancelled_probe_does_not_close(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def call() -> None:
        await asyncio.sleep(3600)

    asyncio.run(cancelled(call))

    assert breaker.state is CircuitState.HALF_OPEN


def test_an_abandoned_stream_that_probes_does_not_close(clock: FakeClock) -> None:
    breaker = due(clock)
    stream = three_items(breaker)

    next(stream)
    del stream

    assert breaker.state is CircuitState.HALF_OPEN


def test_a_success_that_began_before_the_trip_does_not_close(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    early = hold(breaker)
    fail(breaker)

    finish(early)

    assert breaker.state is CircuitState.OPEN


def test_a_recovery_time_of_zero_is_refused_and_not_replaced() -> None:
    with pytest.raises(InvalidSettings, match=r"^recovery_time: 0 is not allowed"):
        CircuitBreaker(recovery_time=0)
