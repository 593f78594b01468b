"""`max_in_flight` holds for real clients: the server never has more of their requests at once than the limit."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest

from otel_breaker import CircuitBreaker, CircuitState, ConcurrencyLimitError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

LIMIT = 3
CALLERS = 8
WAIT = 10
"""Seconds until a test that hangs fails."""


class Busy:
    """A server that answers no request before it may, and counts those that it has at once."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._now = 0
        busy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                busy.enter()
                busy.may_answer.wait(WAIT)
                busy.leave()
                self.send_response(200)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"answer")

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def enter(self) -> None:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)

    def leave(self) -> None:
        with self._lock:
            self._now -= 1


@pytest.fixture
def busy() -> Iterator[Busy]:
    made = Busy()
    serving = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield made
    made.may_answer.set()
    made.server.shutdown()
    serving.join()
    made.server.server_close()


@pytest.fixture(params=["untraced", "traced"])
def breaker(request: pytest.FixtureRequest) -> CircuitBreaker:
    if request.param == "traced":
        request.getfixturevalue("spans")
    return CircuitBreaker("limited clients", max_in_flight=LIMIT)


def with_urllib(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=WAIT) as response:
        body: bytes = response.read()
    return body


def with_httpx(url: str) -> bytes:
    return httpx.get(url, timeout=WAIT, trust_env=False).content


async def with_async_httpx(url: str, through: Callable[..., Any]) -> bytes:
    async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as client:
        response: httpx.Response = await through(client.get, url)
        return response.content


async def with_aiohttp_entered(url: str, through: Callable[..., Any]) -> bytes:
    async with aiohttp.ClientSession() as session, through(session.get, url) as response:
        body: bytes = await response.read()
        return body


async def with_aiohttp_awaited(url: str, through: Callable[..., Any]) -> bytes:
    async with aiohttp.ClientSession() as session:
        response = await through(session.get, url)
        body: bytes = await response.read()
        return body


def decorated(breaker: CircuitBreaker) -> Callable[..., Any]:
    return lambda function, *args: breaker(function)(*args)


def called(breaker: CircuitBreaker) -> Callable[..., Any]:
    return breaker.call


every_way = pytest.mark.parametrize("way", [decorated, called])


def check(breaker: CircuitBreaker, busy: Busy, results: list[object]) -> None:
    refused = [result for result in results if isinstance(result, ConcurrencyLimitError)]
    answered = [result for result in results if result == b"answer"]

    assert len(answered) + len(refused) == CALLERS
    assert 0 < len(answered) <= LIMIT
    assert busy.most_at_once <= len(answered)
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.calls_in_flight) == (CircuitState.CLOSED, 0)
    assert snapshot.calls["rejected"] == len(refused)


@pytest.mark.processes
@every_way
@pytest.mark.parametrize("client", [with_urllib, with_httpx])
def test_of_threads_no_more_than_the_limit_reach_the_server(
    breaker: CircuitBreaker, busy: Busy, client: Callable[[str], bytes], way: Callable[..., Any]
) -> None:
    through = way(breaker)

    def ask() -> object:
        try:
            return through(client, busy.url)
        except ConcurrencyLimitError as refusal:
            return refusal

    with ThreadPoolExecutor(CALLERS) as pool:
        calls: list[Future[object]] = [pool.submit(ask) for _ in range(CALLERS)]
        for _ in islice(as_completed(calls, WAIT), CALLERS - LIMIT):  # only refused calls end before the server answers
            pass
        busy.may_answer.set()
    check(breaker, busy, [call.result() for call in calls])


@pytest.mark.processes
@every_way
@pytest.mark.parametrize("client", [with_async_httpx, with_aiohttp_entered, with_aiohttp_awaited])
async def test_of_tasks_no_more_than_the_limit_reach_the_server(
    breaker: CircuitBreaker,
    busy: Busy,
    client: Callable[[str, Callable[..., Any]], Awaitable[bytes]],
    way: Callable[..., Any],
) -> None:
    through = way(breaker)

    async def ask() -> object:
        try:
            return await client(busy.url, through)
        except ConcurrencyLimitError as refusal:
            return refusal

    calls = [asyncio.create_task(ask()) for _ in range(CALLERS)]
    for ended in islice(asyncio.as_completed(calls, timeout=WAIT), CALLERS - LIMIT):  # as above
        await ended
    busy.may_answer.set()
    check(breaker, busy, list(await asyncio.gather(*calls)))
