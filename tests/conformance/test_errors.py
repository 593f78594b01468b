"""The errors that callers receive: they pickle, and keep nothing alive."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, InvalidSettings
from tests.conformance.conftest import Broken, in_child, in_new_process, opened, raised_by, succeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import FakeClock

FIELDS = ["name", "key", "state", "retry_after", "episode", "last_failure_type", "last_failure_time"]


def refusal(breaker: CircuitBreaker) -> CircuitOpenError:
    with pytest.raises(CircuitOpenError) as seen:
        succeed(breaker)
    return seen.value


def nonsense() -> InvalidSettings:
    with pytest.raises(InvalidSettings) as seen:
        CircuitBreaker(failure_threshold=0)
    return seen.value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_refusal_pickles_whole(clock: FakeClock, protocol: int) -> None:
    error = refusal(opened(clock))

    again = pickle.loads(pickle.dumps(error, protocol))

    assert type(again) is CircuitOpenError
    assert str(again) == str(error)
    assert [getattr(again, name) for name in FIELDS] == [getattr(error, name) for name in FIELDS]
    assert isinstance(hash(again), int)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_about_settings_pickles_whole(protocol: int) -> None:
    error = nonsense()

    again = pickle.loads(pickle.dumps(error, protocol))

    assert type(again) is InvalidSettings
    assert str(again) == str(error)
    assert (again.path, again.problem, again.remedy) == (error.path, error.problem, error.remedy)
    assert isinstance(hash(again), int)


def test_a_refusal_can_be_copied(clock: FakeClock) -> None:
    error = refusal(opened(clock))

    assert str(copy.copy(error)) == str(copy.deepcopy(error)) == str(error)


@pytest.mark.processes
def test_a_refusal_in_a_process_pool_reaches_its_caller_and_the_pool_goes_on() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(CircuitOpenError, match="is open; retry after"):
            pool.submit(refused_in_a_worker).result(60)

        assert pool.submit(abs, -1).result(60) == 1


def refused_in_a_worker() -> None:
    breaker = CircuitBreaker("worker", failure_threshold=1)
    with suppress(Broken), breaker.guard():
        raise Broken
    succeed(breaker)


def test_a_failure_that_a_breaker_has_seen_still_pickles(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    error = Broken("text", 5)

    with pytest.raises(Broken), breaker.guard():
        raise error
    again = pickle.loads(pickle.dumps(error))

    assert again.args == ("text", 5)


@contextmanager
def without_collector() -> Iterator[None]:
    """Objects are freed by their reference count alone."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Large:
    """An object for the ten megabytes that a caller may hold."""


def in_a_block(breaker: CircuitBreaker) -> weakref.ref[Large]:
    large = Large()
    with suppress(Exception), breaker.guard():
        raise Broken(large)
    return weakref.ref(large)


def in_a_function(breaker: CircuitBreaker) -> weakref.ref[Large]:
    large = Large()

    @breaker
    def call(large: Large) -> None:
        raise Broken(large)

    with suppress(Exception):
        call(large)
    return weakref.ref(large)


def in_a_coroutine(breaker: CircuitBreaker) -> weakref.ref[Large]:
    large = Large()

    @breaker
    async def call(large: Large) -> None:
        raise Broken(large)

    with suppress(Exception):
        call(large).send(None)
    return weakref.ref(large)


SHAPES = pytest.mark.parametrize("call", [in_a_block, in_a_function, in_a_coroutine])
TRACED = pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])


@SHAPES
@TRACED
def test_a_failed_call_leaves_nothing_of_its_caller_alive(
    clock: FakeClock, call: Callable[[CircuitBreaker], weakref.ref[Large]], traced: bool, request: pytest.FixtureRequest
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)

    with without_collector():
        left = [call(breaker)() for _ in range(2)]

    assert left == [None, None]
    assert breaker.snapshot().last_failure_type == "tests.conformance.conftest.Broken"


@SHAPES
@TRACED
def test_a_refused_call_leaves_nothing_of_its_caller_alive(
    clock: FakeClock, call: Callable[[CircuitBreaker], weakref.ref[Large]], traced: bool, request: pytest.FixtureRequest
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = opened(clock)

    with without_collector():
        left = call(breaker)()

    assert left is None
    assert breaker.snapshot().calls["rejected"] == 1


def depth(error: BaseException) -> int:
    traceback, frames = error.__traceback__, 0
    while traceback is not None:
        traceback, frames = traceback.tb_next, frames + 1
    return frames


def test_every_refusal_is_an_exception_of_its_own_with_a_traceback_of_the_same_depth(clock: FakeClock) -> None:
    breaker = opened(clock)

    first = refusal(breaker)
    for _ in range(10_000):
        assert raised_by(lambda: succeed(breaker)) is CircuitOpenError
    last = refusal(breaker)

    assert first is not last
    assert depth(first) == depth(last)


@pytest.mark.processes
def test_a_refusal_in_a_child_reads_like_one_in_the_parent(clock: FakeClock) -> None:
    breaker = opened(clock)

    received = in_child(lambda: str(refusal(breaker)))

    assert received == str(refusal(breaker))


@pytest.mark.processes
def test_a_refusal_that_another_program_pickled_can_be_read(clock: FakeClock) -> None:
    written = in_new_process(
        "import pickle; from otel_breaker import *\n"
        "breaker = CircuitBreaker('payments'); breaker.force_open()\n"
        "try: breaker.call(print)\n"
        "except CircuitOpenError as error: print(pickle.dumps(error).hex())"
    )

    error = pickle.loads(bytes.fromhex(written))

    assert str(error) == "circuit breaker 'payments' is forced_open"
