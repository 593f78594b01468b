"""Measures, in real time, how many requests succeed when half as many again arrive as a dependency can answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.bench.overload_server import SECONDS, SLOTS
from tests.bench.results import Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

SECTION: Final = "In overload"
_OVERLOAD: Final = 1.5
_CAPACITY: Final = SLOTS / SECONDS
"""Requests a second."""
_USUAL_LOAD: Final = 0.8
_USUAL_SECONDS: Final = 1.5
_BAR: Final = 60.0
_GOAL: Final = 64.0
_TIMEOUT: Final = 1.0
_ATTEMPTS: Final = 3
_BACKOFF: Final = 0.1
_RULES: Final[dict[str, Any]] = {
    "failure_threshold": 5,
    "failure_rate": 0.5,
    "slow_call_duration": "500ms",
    "slow_call_rate": 0.5,
    "window": "10s",
    "recovery_time": "5s",
    "recovery_jitter": 0.2,
    "half_open_calls": 3,
    "probe_timeout": "2s",
}
_CONTENDERS: Final[dict[str, dict[str, Any] | None]] = {
    "no breaker": None,
    "5 in a row, 60 s": {"failure_threshold": 5, "recovery_time": 60},
    "rules": _RULES,
    "rules, max_in_flight: auto": {**_RULES, "max_in_flight": "auto"},
}
_WITH_BAR: Final = "rules, max_in_flight: auto"


def measure(seconds: float) -> Iterator[Result]:
    """Overload each contender for so many seconds, one after the other: together they would disturb each other."""
    for name, settings in _CONTENDERS.items():
        with _dependency() as port:
            goodput = asyncio.run(_overload(port, settings, seconds))
        has_bar = name == _WITH_BAR
        yield Result(
            SECTION,
            name,
            f"requests; {1 / _OVERLOAD:.0%} of them could be answered",
            100 * goodput,
            "%",
            bar=_BAR if has_bar else None,
            goal=_GOAL if has_bar else None,
            at_least=True,
        )


@contextmanager
def _dependency() -> Iterator[int]:
    program = [sys.executable, str(Path(__file__).with_name("overload_server.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _overload(port: int, settings: dict[str, Any] | None, seconds: float) -> float:
    """The share of requests that succeed, of those that arrive in an overload that follows on a usual load."""
    client = await _Client.connect(port)
    call: Callable[[], Awaitable[None]] = client.call
    if settings is not None:
        call = CircuitBreaker("overload", **settings)(client.call)
    random = Random(5)
    usual = await _arrive(call, random, _USUAL_LOAD * _CAPACITY, _USUAL_SECONDS)
    requests = await _arrive(call, random, _OVERLOAD * _CAPACITY, seconds)
    succeeded = await asyncio.gather(*requests)
    await asyncio.gather(*usual)
    await client.close()
    return sum(succeeded) / len(requests)


async def _arrive(
    call: Callable[[], Awaitable[None]], random: Random, rate: float, seconds: float
) -> list[asyncio.Task[bool]]:
    """Requests that have begun, at random times."""
    due = time.monotonic()
    ends, requests = due + seconds, list[asyncio.Task[bool]]()
    while due < ends:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        requests.append(asyncio.create_task(_request(call, random)))
        due += random.expovariate(rate)
    return requests


async def _request(call: Callable[[], Awaitable[None]], random: Random) -> bool:
    """Whether one of a few attempts succeeds; a refusal ends it."""
    for attempt in range(_ATTEMPTS):
        try:
            await call()
        except CircuitOpenError:
            return False
        except asyncio.TimeoutError:
            await asyncio.sleep(random.random() * _BACKOFF * 2**attempt)
        else:
            return True
    return False


class _Client:
    """One connection with many requests on it, each of which has a timeout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0
        self._answers: dict[bytes, asyncio.Future[None]] = {}
        self._receiver = asyncio.create_task(self._receive())

    @classmethod
    async def connect(cls, port: int) -> _Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def call(self) -> None:
        self._number += 1
        line = b"%d\n" % self._number
        answer = self._answers[line] = asyncio.get_running_loop().create_future()
        self._writer.write(line)
        try:
            await asyncio.wait_for(answer, _TIMEOUT)
        finally:
            del self._answers[line]

    async def close(self) -> None:
        self._receiver.cancel()
        self._writer.close()
        await self._writer.wait_closed()

    async def _receive(self) -> None:
        while line := await self._reader.readline():
            answer = self._answers.get(line)
            if answer is not None and not answer.done():
                answer.set_result(None)
