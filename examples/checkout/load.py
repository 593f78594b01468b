"""The shop's customers: a fixed number of requests a second over real HTTP, independent of the response times.

A latency counts from the scheduled start of a request, so that it includes the time in a queue.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import requests

CUSTOMERS_PER_SECOND = 20
PRODUCTS_EVERY = 5
"""One customer in so many only requests the products, which needs no payment provider."""
TIMEOUT = 10.0
MAX_CONCURRENT = 200


@dataclass(frozen=True)
class Sample:
    path: str
    at: float  # seconds since the run started
    seconds: float
    status: int  # 0: no response

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK


def drive(url: str, seconds: float, tick: Callable[[float], None]) -> list[Sample]:
    """Send requests for so many seconds, and call `tick(elapsed)` before each; an exception of `tick` ends the load."""
    started = time.monotonic()
    futures: list[Future[Sample]] = []
    pool = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="customer")
    try:
        for number in range(round(seconds * CUSTOMERS_PER_SECOND)):
            at = number / CUSTOMERS_PER_SECOND
            time.sleep(max(0.0, started + at - time.monotonic()))
            tick(at)
            method, path = ("GET", "/products") if number % PRODUCTS_EVERY == 0 else ("POST", "/checkout")
            futures.append(pool.submit(_visit, method, url, path, started, at))
        tick(seconds)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _visit(method: str, url: str, path: str, started: float, at: float) -> Sample:
    status = 0
    # A session of its own that ignores proxy settings, since the shop is on this machine.
    with requests.Session() as session:
        session.trust_env = False
        with suppress(requests.RequestException):
            status = session.request(method, url + path, timeout=TIMEOUT).status_code
    return Sample(path, at, time.monotonic() - started - at, status)
