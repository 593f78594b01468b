"""A result that is a failure has an error type and a requested wait, like an exception."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange
from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.conftest import Spans
    from tests.fakes import FakeClock

BUSY = httpx.Response(503, headers={"Retry-After": "20"})


def is_failed(response: httpx.Response) -> bool:
    return response.is_server_error


def breaker_of(clock: FakeClock, **settings: Any) -> CircuitBreaker:
    keywords = {"failure_threshold": 1, "recovery_time": 2, "failure_result": is_failed, **settings}
    return CircuitBreaker("results", clock=clock, **keywords)


def by_function(breaker: CircuitBreaker) -> httpx.Response:
    @breaker
    def get() -> httpx.Response:
        return BUSY

    return get()


def by_coroutine(breaker: CircuitBreaker) -> httpx.Response:
    @breaker
    async def get() -> httpx.Response:
        return BUSY

    return asyncio.run(get())


def by_returned_coroutine(breaker: CircuitBreaker) -> httpx.Response:
    async def get() -> httpx.Response:
        return BUSY

    @breaker
    def hand_back() -> Coroutine[Any, Any, httpx.Response]:
        return get()

    return asyncio.run(hand_back())


def by_call(breaker: CircuitBreaker) -> httpx.Response:
    return breaker.call(lambda: BUSY)


def by_future(breaker: CircuitBreaker) -> httpx.Response:
    future: Future[httpx.Response] = Future()
    breaker(lambda: future)()
    future.set_result(BUSY)
    return future.result()


WAYS = pytest.mark.parametrize("way", [by_function, by_coroutine, by_returned_coroutine, by_future, by_call])


@WAYS
@pytest.mark.parametrize(
    "how", ["headers.Retry-After", "headers.retry-after", lambda found: found.headers["retry-after"]]
)
def test_a_failed_result_can_request_a_wait(
    way: Callable[[CircuitBreaker], httpx.Response], how: Any, clock: FakeClock
) -> None:
    breaker = breaker_of(clock, retry_after=how)

    assert way(breaker) is BUSY

    with pytest.raises(CircuitOpenError) as refused:
        breaker.call(int)
    assert refused.value.retry_after == 20


@WAYS
@pytest.mark.parametrize("traced", [False, True])
def test_the_error_type_of_a_failed_result_is_its_status(
    way: Callable[[CircuitBreaker], httpx.Response], traced: bool, clock: FakeClock, request: pytest.FixtureRequest
) -> None:
    spans: Spans | None = request.getfixturevalue("spans") if traced else None
    changes: list[StateChange] = []
    breaker = breaker_of(clock)
    breaker.add_listener(changes.append)

    way(breaker)

    assert changes[0].error_types == ("503=1",)
    assert breaker.snapshot().last_failure_type == "503"
    if spans is not None:
        assert (spans.last().attributes or {})["error.type"] == "503"


def test_no_wait_is_read_from_a_result_that_is_no_failure(clock: FakeClock) -> None:
    asked: list[object] = []
    breaker = breaker_of(clock, retry_after=asked.append)

    breaker.call(lambda: httpx.Response(404))

    assert asked == []


class Unanswering:
    @property
    def status_code(self) -> int:
        raise SystemExit

    status = 502


@pytest.mark.parametrize(
    ("result", "named"),
    [
        (httpx.Response(429), "429"),
        (Unanswering(), "502"),
        (None, OTHER),
        ({"status": 503}, OTHER),
        (type("Job", (), {"status": "secret"})(), OTHER),
        (type("Job", (), {"status": 7})(), OTHER),
        (type("Job", (), {"status": True})(), OTHER),
    ],
)
def test_only_an_http_status_names_a_result(result: object, named: str) -> None:
    assert OutcomeClassifier.type_of_result(result) == named
