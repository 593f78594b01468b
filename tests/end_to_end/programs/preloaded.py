"""A WSGI application that pays once while it is loaded, and once for each request; its answer is who did it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_breaker import get_breaker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


@get_breaker("payments")
def charge() -> int:
    return os.getpid()


charge()


def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(charge()).encode()]
