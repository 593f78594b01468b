"""Hooks at the first guarded call of a process."""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.circuit import RUNTIME
from tests.circuit.test_fork import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Act:
    """A hook that counts its calls."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> None:
        self.done += 1


@pytest.fixture
def act() -> Iterator[Act]:
    act = Act()
    RUNTIME.on_first_call(act)
    yield act
    RUNTIME.cancel_on_first_call(act)


async def nothing() -> None:
    pass


def by_function(breaker: CircuitBreaker) -> None:
    breaker(lambda: None)()


def by_coroutine(breaker: CircuitBreaker) -> None:
    asyncio.run(breaker.call(nothing))


def by_block(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        pass


def by_two_steps(breaker: CircuitBreaker) -> None:
    breaker.record_success(breaker.can_execute())


def by_generator(breaker: CircuitBreaker) -> None:
    @breaker
    def numbers() -> Iterator[int]:
        yield 1

    list(numbers())


@pytest.mark.parametrize("call", [by_function, by_coroutine, by_block, by_two_steps, by_generator])
@pytest.mark.parametrize("mode", ["enforce", "shadow", "off"])
def test_it_is_done_at_the_first_call_and_never_again(
    act: Act, call: Callable[[CircuitBreaker], None], mode: Any
) -> None:
    breaker = CircuitBreaker(mode=mode)
    before = act.done

    call(breaker)
    call(breaker)

    assert (before, act.done) == (0, 1)


def test_a_breaker_that_has_been_called_before_is_as_good() -> None:
    breaker, act = CircuitBreaker(), Act()
    by_function(breaker)

    RUNTIME.on_first_call(act)
    by_function(breaker)

    RUNTIME.cancel_on_first_call(act)
    assert act.done == 1


def test_of_many_threads_one_does_it(act: Act) -> None:
    breaker = CircuitBreaker()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: by_function(breaker), range(64)))

    assert act.done == 1
    assert breaker.snapshot().calls["success"] == 64


@pytest.mark.usefixtures("act")
def test_afterwards_a_circuit_has_its_standing_permit_again() -> None:
    breaker = CircuitBreaker()
    withheld = breaker._circuit.fast_path.standing_permit is None

    by_function(breaker)

    assert withheld
    assert breaker._circuit.fast_path.standing_permit is not None


def test_what_it_raises_is_logged_and_the_call_is_not_affected(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("can't start new thread")

    RUNTIME.on_first_call(fail)
    try:
        answer = CircuitBreaker().call(lambda: "answer")
    finally:
        RUNTIME.cancel_on_first_call(fail)

    assert answer == "answer"
    assert [(record.levelno, "RuntimeError < " in record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, True)
    ]


def test_what_is_taken_back_is_not_done() -> None:
    act = Act()
    RUNTIME.on_first_call(act)

    RUNTIME.cancel_on_first_call(act)
    by_function(CircuitBreaker())

    assert act.done == 0


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_it_is_done_again_at_the_first_call_of_a_forked_child(act: Act) -> None:
    breaker = CircuitBreaker()
    by_function(breaker)

    def call_twice() -> bool:
        before = act.done
        by_function(breaker)
        by_function(breaker)
        return (before, act.done) == (1, 2)

    assert in_child(call_twice)
    assert act.done == 1
