"""What users of requests do with it, and observe."""

from __future__ import annotations

import pickle
from typing import Any
from unittest import mock

import requests
import responses
from requests.adapters import HTTPAdapter

from tests.instrumentation.observations import see, see_error, see_signatures


def look(base: str, dead: str) -> None:
    """Use the library against a server at *base*, and one that is not there at *dead*."""
    see_signatures(requests)
    for method in ("get", "post", "put", "delete", "options"):
        see_error(lambda method=method: getattr(requests, method)(f"{base}/echo", data={"a": 1}).text)
    answer = requests.get(f"{base}/redirect", params={"q": "x y"}, timeout=5)
    see((answer.status_code, answer.json(), [step.status_code for step in answer.history], answer.url, answer.encoding))
    see((answer.headers["content-type"], answer.ok, answer.reason, bool(answer), repr(answer), answer.elapsed.days))
    see(pickle.loads(pickle.dumps(answer)).json())
    see(requests.get(f"{base}/auth", auth=("me", "secret"), timeout=5).json())
    see_error(requests.get, f"{dead}/", timeout=1)
    see_error(requests.get, f"{base}/broken", timeout=1)
    see_error(requests.get, f"{base}/slow", timeout=0.05)
    see_error(requests.get, "no scheme")
    see_error(requests.get, "http://")
    see_error(requests.get)
    see_error(requests.get, base, nothing=1)
    see_error(requests.get(f"{base}/teapot", timeout=5).raise_for_status)
    see_error(requests.get(f"{base}/teapot", timeout=5).json)
    with requests.get(f"{base}/stream", stream=True, timeout=5) as streamed:
        see((list(streamed.iter_lines()), streamed.raw.closed))
    see(requests.get(f"{base}/echo", hooks={"response": lambda r, **_: setattr(r, "marked", 1)}, timeout=5).marked)  # type: ignore[attr-defined]

    class Marked(requests.Session):
        def send(self, request: Any, **kwargs: Any) -> Any:
            request.headers["X-Mark"] = "subclass"
            return super().send(request, **kwargs)

    class Counting(HTTPAdapter):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> Any:
            self.sent += 1
            return super().send(*args, **kwargs)

    with Marked() as session:
        session.mount("http://", adapter := Counting(max_retries=1))
        session.get(f"{base}/cookie")
        see(
            (session.post(f"{base}/echo", files={"f": b"x"}).json()["Cookie"], adapter.sent, session.cookies.get_dict())
        )
        see((session.get(f"{base}/echo").json(), getattr(session.send, "__func__", None) is Marked.send))
    with requests.Session() as pickled:
        pickled.headers["X-Mark"] = "pickled"
        again = pickle.loads(pickle.dumps(pickled))
        see((again.get(f"{base}/echo").json(), sorted(again.adapters)))
        see(pickled.prepare_request(requests.Request("GET", f"{base}/echo", params={"a": 1})).url)
        see(pickled.send(requests.Request("GET", f"{base}/echo").prepare()).json()["path"])
    with mock.patch("requests.get", return_value="mocked"):
        see(requests.get(base))
    with mock.patch.object(requests.Session, "send", autospec=True, return_value="mocked") as mocked:
        see((requests.Session().send(1), mocked.call_count))  # type: ignore[arg-type]
    with responses.RequestsMock() as pretended:
        pretended.add(responses.GET, "http://nowhere/", json={"pretended": True})
        pretended.add_passthru(base)
        see((requests.get("http://nowhere/", timeout=5).json(), requests.get(f"{base}/echo", timeout=5).json()))
        see_error(requests.get, "http://elsewhere/")
    see(requests.get(f"{base}/echo", timeout=5).json())
