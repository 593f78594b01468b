"""Methods of real clients that return more than a coroutine: the result works as before, and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import openai
import pytest
import redis.asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from openai import AsyncOpenAI

from otel_breaker import CircuitBreaker
from tests.guard.counts import counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.pagination import AsyncPage
    from openai.types import Model

    from tests.fakes import FakeClock


@pytest.fixture(params=["untraced", "traced"])
def breaker(clock: FakeClock, request: pytest.FixtureRequest) -> CircuitBreaker:
    if request.param == "traced":
        request.getfixturevalue("spans")
    return CircuitBreaker(failure_threshold=3, recovery_time=10, clock=clock)


async def _answer(_request: web.Request) -> web.Response:
    return web.Response(text="answer")


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.add_routes([web.get("/", _answer), web.get("/socket", _echo)])
    server = TestServer(app)
    async with server:
        yield server


@pytest.mark.processes
async def test_a_request_of_aiohttp_can_be_entered(breaker: CircuitBreaker, server: TestServer) -> None:
    async with aiohttp.ClientSession() as session, breaker(session.get)(server.make_url("/")) as response:
        assert await response.text() == "answer"
        assert counted(breaker) == {"success": 1}


@pytest.mark.processes
async def test_a_request_of_aiohttp_can_be_awaited(breaker: CircuitBreaker, server: TestServer) -> None:
    async with aiohttp.ClientSession() as session:
        response = await breaker(session.get)(server.make_url("/"))
        text = await response.text()

    assert text == "answer"
    assert counted(breaker) == {"success": 1}


@pytest.mark.processes
async def test_a_socket_of_aiohttp_can_be_entered(breaker: CircuitBreaker, server: TestServer) -> None:
    async with aiohttp.ClientSession() as session, breaker(session.ws_connect)(server.make_url("/socket")) as socket:
        await socket.send_str("answer")
        assert await socket.receive_str() == "answer"

    assert counted(breaker) == {"success": 1}


@pytest.mark.processes
async def test_a_request_of_aiohttp_outside_of_a_session_can_be_entered(
    breaker: CircuitBreaker, server: TestServer
) -> None:
    async with breaker(aiohttp.request)("GET", server.make_url("/")) as response:
        assert await response.text() == "answer"

    assert counted(breaker) == {"success": 1}


@pytest.mark.parametrize("form", ["await", "async with"])
async def test_a_request_of_aiohttp_that_fails_is_a_failure(breaker: CircuitBreaker, form: str) -> None:
    async def use(request: Any) -> None:
        if form == "await":
            await request
        async with request:
            pass

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await use(breaker(session.get)("http://localhost:1"))

    assert counted(breaker) == {"failure": 1}


@pytest.mark.processes
async def test_a_request_of_aiohttp_is_of_its_own_type(breaker: CircuitBreaker, server: TestServer) -> None:
    async with aiohttp.ClientSession() as session:
        unguarded, guarded = session.get(server.make_url("/")), breaker(session.get)(server.make_url("/"))
        types = type(unguarded), type(guarded)
        for request in (unguarded, guarded):
            (await request).release()

    assert types[0] is types[1]


def _listed(request: httpx.Request) -> httpx.Response:
    model = {"id": "m1", "object": "model", "created": 1, "owned_by": "me"}
    return httpx.Response(200, json={"object": "list", "data": [model]})


def _down(request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, json={"error": {"message": "down"}})


def client(handler: Any) -> AsyncOpenAI:
    http: Any = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return AsyncOpenAI(api_key="key", max_retries=0, http_client=http)


async def first_page(listed: Any) -> list[str]:
    page: AsyncPage[Model] = await listed
    return [model.id for model in page.data]


async def all_items(listed: Any) -> list[str]:
    return [model.id async for model in listed]


@pytest.mark.parametrize("read", [first_page, all_items])
async def test_a_list_of_openai_can_be_awaited_and_gone_through(breaker: CircuitBreaker, read: Any) -> None:
    listed = breaker(client(_listed).models.list)()
    before = counted(breaker)

    assert type(listed) is type(client(_listed).models.list())
    assert await read(listed) == ["m1"]
    assert (before, counted(breaker)) == ({}, {"success": 1})


@pytest.mark.parametrize("read", [first_page, all_items])
async def test_a_list_of_openai_whose_request_fails_is_a_failure(breaker: CircuitBreaker, read: Any) -> None:
    listed = breaker(client(_down).models.list)()

    with pytest.raises(openai.InternalServerError):
        await read(listed)

    assert counted(breaker) == {"failure": 1}


async def test_a_list_of_openai_can_be_read_again_and_is_one_call(breaker: CircuitBreaker) -> None:
    listed = breaker(client(_listed).models.list)()

    assert [await first_page(listed), await all_items(listed)] == [["m1"], ["m1"]]
    assert counted(breaker) == {"success": 1}


@pytest.mark.usefixtures("without_collector")
def test_a_list_of_openai_that_is_never_read_holds_no_probe(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(3):
        breaker.record_failure()
    clock.advance(10)
    listed = breaker(client(_listed).models.list)()
    during = breaker.snapshot().probes_in_flight

    del listed

    assert (during, breaker.snapshot().probes_in_flight) == (1, 0)


def test_a_client_of_redis_merely_can_be_awaited(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(3):
        breaker.record_failure()
    clock.advance(10)

    given = breaker(redis.asyncio.Redis.from_url)("redis://localhost")

    assert type(given) is redis.asyncio.Redis
    assert breaker.snapshot().probes_in_flight == 0
    assert counted(breaker)["success"] == 1
