"""Helpers: a dependency that fails, circuits in a state, many threads, and child processes."""

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
"""Seconds after which a test fails that waits for another thread or process."""


class Broken(Exception):
    """The exception of the dependency."""


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
    """Whether a call is refused now; an admitted one is ignored."""
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
    """A call that lasts until `finish`."""
    return breaker.guard().__enter__()


def finish(block: Block, error: BaseException | None = None) -> None:
    block.__exit__(type(error) if error is not None else None, error, None)


def opened(clock: FakeClock, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """A circuit that has just tripped; by one failure unless the settings differ."""
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
    """The state changes that a listener receives from now on."""
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)
    return changes


def state_pairs(changes: list[StateChange]) -> list[tuple[str, str]]:
    return [(change.from_state.value, change.to_state.value) for change in changes]


# --- crowds and children


@pytest.fixture
def restless() -> Iterator[None]:
    """Python switches threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(crowd: int, work: Callable[[int], T]) -> list[T]:
    """The results of work that threads, numbered from 0, begin at once."""
    start = threading.Barrier(crowd)

    def begin(number: int) -> T:
        start.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(crowd) as threads:
        return list(threads.map(begin, range(crowd)))


def elsewhere(work: Callable[[], T]) -> T:
    """The result of work in another thread; a thread that hangs is abandoned."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result(PATIENCE)


def in_child(work: Callable[[], object], patience: float = PATIENCE) -> Any:
    """The result of work in a forked child; an error there is raised here."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: our subject
        child = os.fork()
    if child == 0:
        logging.disable()  # the streams of its handlers have locks, too, which Python does not replace in a child
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
    """The output of a script in a new interpreter."""
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
