"""Each fast path is taken, and records what a `Call` would record."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from otel_breaker.guard import Call
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.core.permits import Permit
    from tests.conftest import Spans


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


def run_block(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    with breaker.guard():
        return work()


def run_generator(breaker: CircuitBreaker, work: Callable[[], Any]) -> Any:
    def function() -> Iterator[Any]:
        yield work()

    return list(breaker(function)())


SHARED: dict[str, Any] = {}
"""All calls share a permit, and a success has no effect but its count."""
WINDOW: dict[str, Any] = {"failure_rate": 0.5, "window": "30s"}
"""All calls share a permit, and a success has an effect once a slice of the window has ended."""
TIMED: dict[str, Any] = {"slow_call_duration": 5, "slow_call_rate": 0.5, "minimum_calls": 2, "failure_threshold": 3}
"""Each call has a permit of its own."""


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
    "function, traced": Path(run_function, SHARED, True, Cost(0, 0, 0)),
    "function, window, traced": Path(run_function, WINDOW, True, Cost(0, 0, 1)),
    "coroutine": Path(run_coroutine, SHARED, False, Cost(0, 0, 0)),
    "coroutine, window": Path(run_coroutine, WINDOW, False, Cost(0, 0, 1)),
    "block": Path(run_block, SHARED, False, Cost(0, 0, 0)),
    "block, window": Path(run_block, WINDOW, False, Cost(0, 0, 1)),
    # With a `Call`, but without the lock.
    "function, timed, traced": Path(run_function, TIMED, True, Cost(1, 0, 4), is_fast=False),
    "coroutine, timed": Path(run_coroutine, TIMED, False, Cost(1, 0, 3), is_fast=False),
    "coroutine, traced": Path(run_coroutine, SHARED, True, Cost(1, 0, 1), is_fast=False),
    "block, timed": Path(run_block, TIMED, False, Cost(1, 0, 3), is_fast=False),
    "block, traced": Path(run_block, SHARED, True, Cost(1, 0, 1), is_fast=False),
    "generator": Path(run_generator, SHARED, False, Cost(1, 0, 1), is_fast=False),
}
FAST = [name for name, each in PATHS.items() if each.is_fast]
RETURNING = [name for name, each in PATHS.items() if each.run is run_function]


@pytest.fixture
def path(request: pytest.FixtureRequest) -> Path:
    path = PATHS[request.param]
    if path.traced:
        request.getfixturevalue("spans")
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The `Call` objects that are made."""
    made: list[Call] = []
    before = Call.__init__

    def init(self: Call, *args: Any) -> None:
        made.append(self)
        before(self, *args)

    monkeypatch.setattr(Call, "__init__", init)
    return made


def failures(breaker: CircuitBreaker) -> int:
    return breaker.snapshot().consecutive_failures


def counted_lock(breaker: CircuitBreaker) -> CountedLock:
    lock: Any = CountedLock()
    breaker._circuit._lock = lock
    return lock  # type: ignore[no-any-return]


every_path = pytest.mark.parametrize("path", PATHS, indirect=True)
every_fast_path = pytest.mark.parametrize("path", FAST, indirect=True)


@every_path
def test_a_success_costs_no_more_than_its_path_needs(path: Path, calls: list[Call]) -> None:
    breaker = path.breaker()
    lock = counted_lock(breaker)
    calls.clear()
    path.clock.read = 0

    path.run(breaker, int)

    assert Cost(len(calls), lock.taken, path.clock.read) == path.cost
    assert breaker.snapshot().calls["success"] == 2


@every_fast_path
def test_a_failure_makes_a_call_only_for_its_span_or_its_block(path: Path, calls: list[Call]) -> None:
    breaker = path.breaker()
    calls.clear()

    with pytest.raises(ZeroDivisionError):
        path.run(breaker, lambda: 1 / 0)

    assert len(calls) == int(path.traced or path.run is run_block)
    assert failures(breaker) == 1


@pytest.mark.parametrize("settings", [SHARED, WINDOW, TIMED], ids=["shared", "window", "timed"])
def test_a_refusal_needs_one_look_at_the_clock(settings: dict[str, Any], calls: list[Call]) -> None:
    clock = CountedClock()
    breaker = CircuitBreaker("shop", clock=clock, **{**settings, "failure_threshold": 1})
    with pytest.raises(ZeroDivisionError):
        run_function(breaker, lambda: 1 / 0)
    lock = counted_lock(breaker)
    calls.clear()
    clock.read = 0

    with pytest.raises(CircuitOpenError):
        run_function(breaker, int)

    timed = settings is TIMED  # the timed path looks before it knows
    assert Cost(len(calls), lock.taken, clock.read) == Cost(0, 0, 1 + timed)
    assert breaker.snapshot().calls["rejected"] == 1


@pytest.mark.usefixtures("spans")
@pytest.mark.parametrize("run", [run_function, run_coroutine, run_block])
def test_a_traced_refusal_needs_no_lock(
    run: Callable[[CircuitBreaker, Callable[[], Any]], Any], calls: list[Call], clock: FakeClock
) -> None:
    breaker = CircuitBreaker("shop", clock=clock, failure_threshold=1)
    with pytest.raises(ZeroDivisionError):
        run(breaker, lambda: 1 / 0)
    lock = counted_lock(breaker)
    calls.clear()

    with pytest.raises(CircuitOpenError):
        run(breaker, int)

    assert (len(calls), lock.taken) == (1, 0)


@every_path
def test_each_call_is_counted_with_its_outcome_and_has_a_span_where_it_is_traced(
    path: Path, request: pytest.FixtureRequest
) -> None:
    breaker = path.breaker(failure_threshold=3)

    path.run(breaker, int)
    with pytest.raises(ZeroDivisionError):
        path.run(breaker, lambda: 1 / 0)

    counts = breaker.snapshot().calls
    assert (counts["success"], counts["failure"], sum(counts.values())) == (2, 1, 3)
    if path.traced:
        spans: Spans = request.getfixturevalue("spans")
        outcomes = [(span.attributes or {})["circuit_breaker.call.outcome"] for span in spans()]
        assert outcomes == ["success", "success", "failure"]


@every_path
def test_a_success_ends_a_streak_that_began_during_the_call(path: Path) -> None:
    breaker = path.breaker(failure_threshold=3)

    def fail_within() -> None:
        with pytest.raises(Broken):
            run_function(breaker, lambda: raising(Broken()))
        assert failures(breaker) == 1

    path.run(breaker, fail_within)

    assert failures(breaker) == 0


@pytest.mark.parametrize("path", [name for name, each in PATHS.items() if each.settings is WINDOW], indirect=True)
def test_a_success_that_ends_in_a_later_slice_of_the_window_is_recorded_under_the_lock(path: Path) -> None:
    breaker = path.breaker()
    lock = counted_lock(breaker)

    path.run(breaker, lambda: path.clock.advance(20))

    assert lock.taken > 0
    assert breaker.snapshot().calls["success"] == 2


@every_path
def test_one_exception_that_every_call_raises_counts_each_time(path: Path) -> None:
    breaker, constant = path.breaker(failure_threshold=3), Broken()

    for _ in range(2):
        with pytest.raises(Broken):
            path.run(breaker, lambda: raising(constant))

    assert failures(breaker) == 2


@every_path
def test_a_failure_of_a_call_that_began_before_a_reset_does_not_count(path: Path) -> None:
    breaker = path.breaker(failure_threshold=1)

    def open_reset_and_fail() -> None:
        breaker.force_open()
        breaker.reset()
        raise Broken

    with pytest.raises(Broken):
        path.run(breaker, open_reset_and_fail)

    assert breaker.state is CircuitState.CLOSED
    assert failures(breaker) == 0


@every_path
def test_listeners_have_the_state_change_of_an_admission_when_the_function_runs(path: Path) -> None:
    breaker, changes = path.breaker(failure_threshold=1, recovery_time=10, recovery_jitter=0), []
    breaker.add_listener(lambda change: changes.append(change.to_state))
    with pytest.raises(Broken):
        path.run(breaker, lambda: raising(Broken()))
    path.clock.advance(10)
    seen: list[CircuitState] = []

    path.run(breaker, lambda: seen.extend(changes))

    assert seen == [CircuitState.OPEN, CircuitState.HALF_OPEN]
    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("settings", [SHARED, WINDOW, TIMED], ids=["shared", "window", "timed"])
def test_a_block_that_is_left_twice_counts_once(settings: dict[str, Any], clock: FakeClock) -> None:
    breaker = CircuitBreaker("shop", clock=clock, **settings)
    block = breaker.guard()

    with block:
        pass
    block.__exit__(None, None, None)

    assert breaker.snapshot().calls["success"] == 1


@pytest.mark.parametrize("path", RETURNING, indirect=True)
def test_a_call_ends_when_the_future_that_it_returned_does(path: Path) -> None:
    breaker, future = path.breaker(failure_threshold=3), Future[int]()

    assert path.run(breaker, lambda: future) is future
    assert breaker.snapshot().calls["success"] == 1
    future.set_exception(Broken())

    assert failures(breaker) == 1


@pytest.mark.parametrize("path", [name for name, each in PATHS.items() if each.run is run_coroutine], indirect=True)
def test_a_call_ends_when_the_stream_that_its_coroutine_returned_does(path: Path) -> None:
    breaker = path.breaker(failure_threshold=3)

    stream = path.run(breaker, lambda: (int(each) for each in "12"))

    assert breaker.snapshot().calls["success"] == 1
    assert list(stream) == [1, 2]
    assert breaker.snapshot().calls["success"] == 2


timed_path = pytest.mark.parametrize(
    "path", [name for name, each in PATHS.items() if each.settings is TIMED], indirect=True
)


@timed_path
def test_a_timed_call_that_is_overdue_counts_as_slow_before_it_ends(path: Path) -> None:
    breaker, seen = path.breaker(minimum_calls=9), []

    def hang() -> None:
        path.clock.advance(5)
        run_function(breaker, int)
        seen.append(breaker.snapshot().window_slow)

    path.run(breaker, hang)

    assert seen == [1]


@timed_path
@pytest.mark.parametrize(("seconds", "slow"), [(4.5, 0), (5, 1)])
def test_a_timed_success_is_slow_from_the_set_duration_on(path: Path, seconds: float, slow: int) -> None:
    breaker = path.breaker(failure_threshold=9, minimum_calls=9)

    path.run(breaker, lambda: path.clock.advance(seconds))

    snapshot = breaker.snapshot()
    assert (snapshot.window_calls, snapshot.window_slow) == (2, slow)


@timed_path
def test_a_timed_success_that_ends_when_another_call_may_be_overdue_is_recorded_under_the_lock(path: Path) -> None:
    breaker = path.breaker()
    path.clock.advance(2)
    lock = counted_lock(breaker)

    path.run(breaker, lambda: path.clock.advance(4))

    assert lock.taken > 0
    assert breaker.snapshot().window_slow == 0


@timed_path
def test_a_timed_call_that_begins_when_another_may_be_overdue_is_admitted_under_the_lock(path: Path) -> None:
    breaker, taken = path.breaker(), []
    path.clock.advance(5)
    lock = counted_lock(breaker)

    path.run(breaker, lambda: taken.append(lock.taken))

    assert taken == [1]


@timed_path
def test_a_timed_call_is_in_flight_only_while_it_runs(path: Path) -> None:
    breaker, during = path.breaker(failure_threshold=9), []

    path.run(breaker, lambda: during.append(breaker.is_idle))
    with pytest.raises(Broken):
        path.run(breaker, lambda: raising(Broken()))
    path.run(breaker, int)

    assert during == [False]
    assert breaker.is_idle


@pytest.mark.parametrize("started", [0.0, 0.1, 7.3, 1e9])
@pytest.mark.parametrize("limit", [0.1, 5, 0.3])
@pytest.mark.parametrize("more", [-1e-9, 0.0, 1e-9])
def test_the_timed_path_and_the_policy_agree_on_what_is_slow(started: float, limit: float, more: float) -> None:
    breaker = CircuitBreaker("shop", slow_call_duration=limit, slow_call_rate=0.5)
    period = breaker._circuit.fast_path.timed_period
    assert period is not None
    now = started + limit + more

    assert period._policy.is_slow(started, now) is not (now < started + period.slow_after)


def test_the_timed_path_makes_the_permit_that_a_period_makes(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    breaker = CircuitBreaker("shop", clock=clock, **TIMED)
    with pytest.raises(Broken):
        run_function(breaker, lambda: raising(Broken()))
    breaker.reset()
    run_function(breaker, int)
    held: list[Permit] = []

    def look() -> None:
        period = breaker._circuit.fast_path.timed_period
        assert period is not None
        held.extend(period.in_flight)
        held.append(period.admit_quietly(clock()))
        period.leave(held[-1])

    run_function(breaker, look)

    written_out, made = held
    parts = ("generation", "failure_count", "started", "state", "is_shared", "deadline", "window_slot")
    assert [getattr(written_out, part) for part in parts] == [getattr(made, part) for part in parts]
    assert written_out.failure_count == 1


def raising(error: BaseException) -> Any:
    raise error
