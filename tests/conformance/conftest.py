"""What the promises are tested with: a dependency that fails, circuits in a state, crowds, and children."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Unpack

    from otel_breaker.guard import Block
    from otel_breaker.settings import Keywords
    from tests.fakes import FakeClock

T = TypeVar("T")

RECOVERY = 10.0
PATIENCE = 20.0
"""Seconds after which something that should have happened will not."""


class Broken(Exception):
    """What the dependency raises."""


def down() -> None:
    """The dependency, while it is down."""
    raise Broken


# --- calls and circuits


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with suppress(Broken), breaker.guard():
            raise Broken


def succeed(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        pass


def refuses(breaker: CircuitBreaker) -> bool:
    """Whether a call is refused now; one that is not says nothing about the dependency."""
    try:
        with breaker.guard() as call:
            call.ignored()
    except CircuitOpenError:
        return True
    return False


def raised_by(call: Callable[[], object]) -> type[BaseException] | None:
    try:
        call()
    except BaseException as error:
        return type(error)
    return None


async def cancelled(call: Callable[[], object]) -> None:
    """Begin to await a call, and cancel it."""
    task = asyncio.ensure_future(call())  # type: ignore[call-overload]  # of either kind
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def hold(breaker: CircuitBreaker) -> Block:
    """A call that goes on until `finish` is received how it ended."""
    return breaker.guard().__enter__()


def finish(block: Block, error: BaseException | None = None) -> None:
    block.__exit__(type(error) if error is not None else None, error, None)


def opened(clock: FakeClock, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """A circuit that has just tripped; by one failure unless received otherwise."""
    merged: Keywords = {"failure_threshold": 1, "recovery_time": RECOVERY, **settings}
    breaker = CircuitBreaker(clock=clock, **merged)
    fail(breaker, merged["failure_threshold"] or 1)
    return breaker


def due(clock: FakeClock, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """A circuit whose next call is a probe."""
    breaker = opened(clock, **settings)
    clock.advance(RECOVERY)
    return breaker


def changes_of(breaker: CircuitBreaker) -> list[StateChange]:
    """The moves that a listener hears of from now on."""
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)
    return changes


def state_pairs(changes: list[StateChange]) -> list[tuple[str, str]]:
    return [(change.from_state.value, change.to_state.value) for change in changes]


# --- crowds and children


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads are switched as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(crowd: int, work: Callable[[int], T]) -> list[T]:
    """What threads, numbered from 0, make of work that all of them begin at once."""
    start = threading.Barrier(crowd)

    def begin(number: int) -> T:
        start.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(crowd) as threads:
        return list(threads.map(begin, range(crowd)))


def elsewhere(work: Callable[[], T]) -> T:
    """What another thread makes of it; one that hangs is left behind."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result(PATIENCE)


def in_child(work: Callable[[], object], patience: float = PATIENCE) -> Any:
    """What a forked child makes of it; an error there is an error here."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: our subject
        child = os.fork()
    if child == 0:
        logging.disable()  # the streams of its handlers have locks, too, which Python does not free
        try:
            answer: object = work()
        except BaseException as error:
            answer = AssertionError(f"the child raised {error!r}")
        os.write(writer, pickle.dumps(answer))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answered, _, _ = select.select([pipe], [], [], patience)
        if not answered:
            os.kill(child, signal.SIGKILL)
        written = pipe.read()
    os.waitpid(child, 0)
    assert answered, "the child hangs"
    answer = pickle.loads(written)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def in_new_process(script: str, timeout: float = PATIENCE) -> str:
    """What a script prints that a fresh interpreter runs."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def time_zone(name: str) -> Iterator[None]:
    """A host in another time zone."""
    try:
        with pytest.MonkeyPatch.context() as host:
            host.setenv("TZ", name)
            time.tzset()
            yield
    finally:
        time.tzset()
