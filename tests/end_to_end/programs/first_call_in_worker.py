"""A WSGI application whose first breaker is made in a worker; its answer is who served.

The application has a metric that takes a while to read, so that a reader is at work whenever the server forks.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from otel_breaker import get_breaker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


def read_slowly(_: CallbackOptions) -> Iterable[Observation]:
    time.sleep(0.5)
    return [Observation(1)]


get_meter("application").create_observable_gauge("application.slow", [read_slowly])
time.sleep(0.2)  # longer than the interval of export, so that the reader is exporting


def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    served_by = get_breaker("payments").call(os.getpid)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(served_by).encode()]
