"""The caller's exception is never replaced, and neither it nor a refusal is kept alive."""

from __future__ import annotations

import contextlib
import gc
import logging
import pickle
import traceback
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Way = Callable[[CircuitBreaker, Callable[[], None]], None]


class Big:
    """An object that fills the memory if it is kept."""

    def touch(self) -> None:
        pass


class Gone(Exception):
    pass


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Objects that only the garbage collector frees accumulate between its runs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def by_function(breaker: CircuitBreaker, body: Callable[[], None]) -> None:
    breaker(body)()


def by_call(breaker: CircuitBreaker, body: Callable[[], None]) -> None:
    breaker.call(body)


def by_block(breaker: CircuitBreaker, body: Callable[[], None]) -> None:
    with breaker.guard():
        body()


def by_coroutine(breaker: CircuitBreaker, body: Callable[[], None]) -> None:
    @breaker
    async def later() -> None:
        body()

    with contextlib.suppress(StopIteration):
        later().send(None)  # an event loop would keep the exception itself


WAYS = [by_function, by_call, by_block, by_coroutine]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("traced", [False, True])
def test_a_failure_keeps_nothing_alive(way: Way, traced: bool, request: pytest.FixtureRequest) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = CircuitBreaker(failure_threshold=2)

    def fail() -> weakref.ref[Big]:
        big = Big()

        def body() -> None:
            raise Gone(big)

        with contextlib.suppress(Gone):
            way(breaker, body)
        return weakref.ref(big)

    kept = [fail()() for _ in range(2)]

    assert kept == [None, None]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("traced", [False, True])
def test_a_refusal_keeps_nothing_alive(way: Way, traced: bool, request: pytest.FixtureRequest) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = CircuitBreaker()
    breaker.force_open()

    def be_refused() -> weakref.ref[Big]:
        big = Big()
        with contextlib.suppress(CircuitOpenError):
            way(breaker, big.touch)
        return weakref.ref(big)

    assert be_refused()() is None


@pytest.mark.parametrize("way", WAYS)
def test_the_exception_that_arrives_is_the_one_that_was_raised(way: Way) -> None:
    breaker, error = CircuitBreaker(), Gone("own")

    def body() -> None:
        raise error

    with pytest.raises(Gone) as caught:
        way(breaker, body)

    assert caught.value is error
    assert (error.args, error.__cause__, error.__context__) == (("own",), None, None)


def test_the_traceback_still_leads_to_where_it_was_raised() -> None:
    def body() -> None:
        raise Gone

    with pytest.raises(Gone) as caught:
        CircuitBreaker().call(body)

    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "body"


def test_an_exception_that_passed_a_guard_can_be_pickled() -> None:
    with pytest.raises(Gone) as caught, CircuitBreaker().guard():
        raise Gone("own")

    assert pickle.loads(pickle.dumps(caught.value)).args == ("own",)


@pytest.mark.parametrize("setting", ["failure_on", "ignore", "retry_after"])
def test_a_predicate_that_raises_does_not_replace_the_exception_and_is_logged_once(
    setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(error: BaseException) -> Any:
        raise ZeroDivisionError

    breaker = CircuitBreaker(**{setting: broken})  # type: ignore[arg-type]

    with caplog.at_level(logging.ERROR, "otel_breaker"):
        for _ in range(2):
            with pytest.raises(Gone), breaker.guard():
                raise Gone

    assert breaker.snapshot().calls["failure"] == 2
    assert [setting in message for message in caplog.messages] == [True]


def test_a_predicate_of_results_that_raises_makes_a_failure_and_does_not_reach_the_caller() -> None:
    breaker = CircuitBreaker(failure_result=lambda value: 1 / value > 0)

    assert breaker.call(int) == 0
    assert breaker.snapshot().calls["failure"] == 1
