"""The shop's customers: a fixed number of requests a second over real HTTP, however slowly they are answered.

Latency counts from the moment a customer wanted to start, so a queue is never mistaken for a quiet shop.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import requests

CUSTOMERS_PER_SECOND = 20
# One customer in five only looks at the products, which needs no payment provider.
LOOKING = 5
PATIENCE = 10.0
AT_ONCE = 200


@dataclass(frozen=True)
class Sample:
    path: str
    at: float  # seconds since the run started
    seconds: float
    status: int  # 0: no answer

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK


def drive(url: str, seconds: float, tick: Callable[[float], None]) -> list[Sample]:
    """Load the shop for so long, calling `tick(elapsed)` before each request; what `tick` raises ends the load."""
    started = time.monotonic()
    futures: list[Future[Sample]] = []
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="customer")
    try:
        for number in range(round(seconds * CUSTOMERS_PER_SECOND)):
            at = number / CUSTOMERS_PER_SECOND
            time.sleep(max(0.0, started + at - time.monotonic()))
            tick(at)
            method, path = ("GET", "/products") if number % LOOKING == 0 else ("POST", "/checkout")
            futures.append(pool.submit(_visit, method, url, path, started, at))
        tick(seconds)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _visit(method: str, url: str, path: str, started: float, at: float) -> Sample:
    status = 0
    # A session of its own: one that trusts no proxy settings of the machine, since the shop is on this machine.
    with requests.Session() as session:
        session.trust_env = False
        with suppress(requests.RequestException):
            status = session.request(method, url + path, timeout=PATIENCE).status_code
    return Sample(path, at, time.monotonic() - started - at, status)
