"""The ways through the guards, what a success costs on each, and what counts that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_breaker import CircuitBreaker
from otel_breaker.keyed import KeyedBreaker, KeyedCircuit
from otel_breaker.keyed_guard import guard_by_key
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Broken(Exception):
    pass


class CountedLock:
    """A re-entrant lock that counts how often it is taken."""

    def __init__(self) -> None:
        lock: Any = RLock()
        self.taken = 0
        self._acquire, self.release, self._is_owned = lock.acquire, lock.release, lock._is_owned

    def acquire(self) -> None:
        self.taken += 1
        self._acquire()


class CountedClock(FakeClock):
    """A clock that counts how often it is read."""

    read = 0

    def __call__(self) -> float:
        self.read += 1
        return super().__call__()


class Cost(NamedTuple):
    """What one guarded call needs."""

    calls: int
    """`Call` objects."""
    locks: int
    """Times that the circuit's lock is taken."""
    clock: int
    """Times that the clock is read."""


def run_function(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    def function() -> Any:
        return work()

    return breaker(function)()


def run_coroutine(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    async def function() -> Any:
        return work()

    return asyncio.run(breaker(function)())


def by_key(run: Callable[[Any, Callable[[], Any]], Any]) -> Callable[[CircuitBreaker, Callable[[], Any]], Any]:
    """The same way through a guard that chooses the breaker by a key."""

    def run_by_key(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
        keyed = KeyedBreaker(breaker.name, breaker.settings)
        keyed._keep("key", KeyedCircuit(breaker))
        return run(lambda function: guard_by_key(keyed, function, lambda: "key"), work)

    return run_by_key


def run_block(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    with breaker.guard():
        return work()


def run_generator(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    def function() -> Iterator[Any]:
        yield work()

    return list(breaker(function)())


def run_async_generator(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    async def function() -> AsyncIterator[Any]:
        yield work()

    async def read() -> list[Any]:
        return [each async for each in breaker(function)()]

    return asyncio.run(read())


def run_called_function(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    def function() -> Any:
        return work()

    return breaker.call(function)


def run_called_coroutine(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    async def function() -> Any:
        return work()

    return asyncio.run(breaker.call(function))


def run_two_steps(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    permit = breaker.can_execute()
    try:
        result = work()
    except BaseException as error:
        breaker.record_failure(error, permit)
        raise
    breaker.record_success(permit)
    return result


SHARED: dict[str, Any] = {}
"""All calls share a permit, and a success has no effect but its count."""
WINDOW: dict[str, Any] = {"failure_rate": 0.5, "window": "30s"}
"""All calls share a permit, and a success has an effect once a slice of the window has ended."""
TIMED: dict[str, Any] = {"slow_call_duration": 5, "slow_call_rate": 0.5, "minimum_calls": 2, "failure_threshold": 3}
"""Each call has a permit of its own."""
LIMITED: dict[str, Any] = {**TIMED, "max_in_flight": 5}
"""Each call has a permit of its own, and a place in flight."""


@dataclass
class Path:
    """One way through the guards."""

    run: Callable[[CircuitBreaker, Callable[[], Any]], Any]
    settings: dict[str, Any]
    traced: bool
    cost: Cost
    is_fast: bool = True
    clock: CountedClock = field(default_factory=CountedClock)

    def breaker(self, **settings: Any) -> CircuitBreaker:
        """A breaker whose next call takes the path: the first decision publishes until when the clock decides alone."""
        self.clock = CountedClock()
        breaker = CircuitBreaker("shop", clock=self.clock, **{**self.settings, **settings})
        run_function(breaker, int)
        return breaker


PATHS = {
    "function": Path(run_function, SHARED, False, Cost(0, 0, 0)),
    "function, window": Path(run_function, WINDOW, False, Cost(0, 0, 1)),
    "function, timed": Path(run_function, TIMED, False, Cost(0, 0, 2)),
    "function, limited": Path(run_function, LIMITED, False, Cost(0, 0, 2)),
    "function, traced": Path(run_function, SHARED, True, Cost(0, 0, 0)),
    "function, window, traced": Path(run_function, WINDOW, True, Cost(0, 0, 1)),
    "coroutine": Path(run_coroutine, SHARED, False, Cost(0, 0, 0)),
    "coroutine, window": Path(run_coroutine, WINDOW, False, Cost(0, 0, 1)),
    "coroutine, traced": Path(run_coroutine, SHARED, True, Cost(0, 0, 0)),
    "coroutine, window, traced": Path(run_coroutine, WINDOW, True, Cost(0, 0, 1)),
    "block": Path(run_block, SHARED, False, Cost(0, 0, 0)),
    "block, window": Path(run_block, WINDOW, False, Cost(0, 0, 1)),
    "block, traced": Path(run_block, SHARED, True, Cost(0, 0, 0)),
    "block, window, traced": Path(run_block, WINDOW, True, Cost(0, 0, 1)),
    "generator": Path(run_generator, SHARED, False, Cost(0, 0, 0)),
    "generator, window": Path(run_generator, WINDOW, False, Cost(0, 0, 1)),
    "async generator": Path(run_async_generator, SHARED, False, Cost(0, 0, 0)),
    "async generator, window": Path(run_async_generator, WINDOW, False, Cost(0, 0, 1)),
    "called function": Path(run_called_function, SHARED, False, Cost(0, 0, 0)),
    "called function, window": Path(run_called_function, WINDOW, False, Cost(0, 0, 1)),
    "called function, timed": Path(run_called_function, TIMED, False, Cost(0, 0, 2)),
    "called function, limited": Path(run_called_function, LIMITED, False, Cost(0, 0, 2)),
    "called function, traced": Path(run_called_function, SHARED, True, Cost(0, 0, 0)),
    "called coroutine": Path(run_called_coroutine, SHARED, False, Cost(0, 0, 0)),
    "called coroutine, window": Path(run_called_coroutine, WINDOW, False, Cost(0, 0, 1)),
    "called coroutine, traced": Path(run_called_coroutine, SHARED, True, Cost(0, 0, 0)),
    "two steps": Path(run_two_steps, SHARED, False, Cost(0, 0, 0)),
    "two steps, window": Path(run_two_steps, WINDOW, False, Cost(0, 0, 1)),
    "two steps, timed": Path(run_two_steps, TIMED, False, Cost(0, 0, 2)),
    # With a `Call`, but without the lock.
    "function, timed, traced": Path(run_function, TIMED, True, Cost(1, 0, 4), is_fast=False),
    "function, limited, traced": Path(run_function, LIMITED, True, Cost(1, 0, 4), is_fast=False),
    "coroutine, timed": Path(run_coroutine, TIMED, False, Cost(1, 0, 3), is_fast=False),
    "coroutine, limited": Path(run_coroutine, LIMITED, False, Cost(1, 0, 3), is_fast=False),
    "block, timed": Path(run_block, TIMED, False, Cost(1, 0, 3), is_fast=False),
    "block, limited": Path(run_block, LIMITED, False, Cost(1, 0, 3), is_fast=False),
    "generator, traced": Path(run_generator, SHARED, True, Cost(1, 0, 1), is_fast=False),
    "async generator, traced": Path(run_async_generator, SHARED, True, Cost(1, 0, 1), is_fast=False),
    "called coroutine, timed": Path(run_called_coroutine, TIMED, False, Cost(1, 0, 3), is_fast=False),
    # With the lock round each pause: the time of the consumer is not the call's.
    "generator, timed": Path(run_generator, TIMED, False, Cost(1, 2, 5), is_fast=False),
    "async generator, timed": Path(run_async_generator, TIMED, False, Cost(1, 2, 5), is_fast=False),
}

_DECORATED = (run_function, run_coroutine, run_generator, run_async_generator)
PATHS |= {
    f"{name}, by key": replace(path, run=by_key(path.run)) for name, path in PATHS.items() if path.run in _DECORATED
}


def failures(breaker: CircuitBreaker) -> int:
    return breaker.snapshot().consecutive_failures


def counted_lock(breaker: CircuitBreaker) -> CountedLock:
    lock: Any = CountedLock()
    breaker._circuit._lock = lock
    return lock  # type: ignore[no-any-return]


def raising(error: BaseException) -> Any:
    raise error
