"""Each path records what a `Call` would record."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.fast_paths.paths import (
    PATHS,
    SHARED,
    TIMED,
    WINDOW,
    Broken,
    Path,
    counted_lock,
    failures,
    raising,
    run_coroutine,
    run_function,
)

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.fakes import FakeClock

every_path = pytest.mark.parametrize("path", PATHS, indirect=True)
returning_path = pytest.mark.parametrize(
    "path", [name for name, each in PATHS.items() if each.run is run_function], indirect=True
)


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


@returning_path
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
