"""What users of httpx do with it, and observe."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx

from tests.instrumentation.observations import see, see_error, see_signatures

if TYPE_CHECKING:
    from collections.abc import Generator


def look(base: str, dead: str) -> None:
    """Use the library against a server at *base*, and one that is not there at *dead*."""
    see_signatures(httpx)
    for method in ("get", "delete"):
        see(getattr(httpx, method)(f"{base}/echo").json())
    see(httpx.post(f"{base}/echo", json={"a": 1}).json())
    answer = httpx.get(f"{base}/redirect", follow_redirects=True, params={"q": "x y"})
    see((answer.status_code, answer.json(), [step.status_code for step in answer.history], str(answer.url)))
    see((answer.headers["content-type"], answer.is_success, answer.reason_phrase, repr(answer), answer.encoding))
    see(pickle.loads(pickle.dumps(answer)).json())
    see_error(httpx.get, f"{dead}/", timeout=1)
    see_error(httpx.get, f"{base}/broken", timeout=1)
    see_error(httpx.get, f"{base}/slow", timeout=0.05)
    see_error(httpx.get, "no scheme")
    see_error(httpx.get)
    see_error(httpx.get(f"{base}/teapot").raise_for_status)
    see_error(httpx.get(f"{base}/teapot").json)
    with httpx.stream("GET", f"{base}/stream") as streamed:
        see((list(streamed.iter_lines()), streamed.is_closed))

    class Signed(httpx.Auth):
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            first = yield request
            request.headers["Authorization"] = f"signed {first.status_code}"
            yield request

    class Marked(httpx.Client):
        def send(self, request: Any, **kwargs: Any) -> Any:
            request.headers["X-Mark"] = "subclass"
            return super().send(request, **kwargs)

    with Marked(
        auth=("me", "secret"), base_url=base, event_hooks={"response": [lambda r: see(r.status_code)]}
    ) as client:
        client.get("/cookie")
        see((client.get("/echo").json(), dict(client.cookies), client.build_request("GET", "/x").url.path))
        see(client.get("/auth", auth=Signed()).json())
        see_error(client.get, "/slow", timeout=0.05)
    pretended = httpx.MockTransport(lambda request: httpx.Response(200, text=request.method))
    with httpx.Client(transport=pretended) as mocked:
        see(mocked.put("http://nowhere/").text)
    with mock.patch("httpx.get", return_value="mocked"):
        see(httpx.get(base))

    async def later() -> None:
        async with httpx.AsyncClient(base_url=base) as client:
            see([(await client.get("/echo")).json(), (await client.post("/echo", content=b"abc")).json()])
            see((await client.get("/auth", auth=Signed())).json())
            async with client.stream("GET", "/stream") as streamed:
                see([line async for line in streamed.aiter_lines()])
            see([a.status_code for a in await asyncio.gather(*(client.get("/echo") for _ in range(5)))])
            try:
                await client.get("/slow", timeout=0.05)
            except httpx.HTTPError as error:
                see((type(error).__mro__, str(error), type(error.__cause__)))
            try:
                await asyncio.wait_for(client.get("/slow"), 0.05)
            except asyncio.TimeoutError as error:
                see(type(error))
        async with httpx.AsyncClient(transport=pretended) as client:
            see((await client.put("http://nowhere/")).text)

    asyncio.run(later())
