"""What users of urllib3 do with it, and observe."""

from __future__ import annotations

import pickle
from typing import Any
from unittest import mock

import urllib3
from urllib3.util import Retry, Timeout

from tests.instrumentation.observations import see, see_error, see_signatures


def look(base: str, dead: str) -> None:
    """Use the library against a server at *base*, and one that is not there at *dead*."""
    see_signatures(urllib3)
    pool = urllib3.PoolManager(num_pools=3)
    see(urllib3.request("GET", f"{base}/echo").json())
    see(pool.request("POST", f"{base}/echo", fields={"a": "1"}, multipart_boundary="b").json())
    answer = pool.request("GET", f"{base}/redirect", headers={"X-Mark": "1"})
    see((answer.status, answer.json(), answer.headers["content-type"], answer.geturl()))
    see((pool.request("GET", f"{base}/redirect", redirect=False).status, len(pool.pools)))
    streamed = pool.request("GET", f"{base}/stream", preload_content=False)
    see(list(streamed.stream(5)))
    streamed.release_conn()
    see_error(pool.request, "GET", f"{dead}/", retries=False)
    see_error(pool.request, "GET", f"{dead}/", retries=Retry(2, backoff_factor=0))
    see_error(pool.request, "GET", f"{base}/broken", retries=1)
    see_error(pool.request, "GET", f"{base}/slow", timeout=Timeout(0.05), retries=False)
    see_error(pool.request, "GET", f"{base}/teapot", retries=Retry(1, status_forcelist=[418], backoff_factor=0))
    see_error(pool.request, "GET", "nothing://x")
    see_error(urllib3.util.parse_url, "http://[::1")
    see(
        (urllib3.util.parse_url("http://u@h:1/p?q#f"), Retry(3).increment().total, pickle.loads(pickle.dumps(Retry(2))))
    )
    see((urllib3.make_headers(basic_auth="a:b"), urllib3.HTTPHeaderDict({"a": "1"}).getlist("A")))

    class Marked(urllib3.HTTPConnectionPool):
        def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            kwargs["headers"] = {"X-Mark": "subclass"}
            return super().urlopen(method, url, *args, **kwargs)

    with Marked(base.removeprefix("http://").partition(":")[0], int(base.rpartition(":")[2])) as marked:
        see((marked.request("GET", "/echo").json(), marked.num_connections, marked.num_requests))
    with mock.patch.object(urllib3.PoolManager, "urlopen", return_value="mocked"):
        see(urllib3.PoolManager().request("GET", base))
    pool.clear()
