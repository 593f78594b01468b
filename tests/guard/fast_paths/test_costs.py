"""Each fast path is taken: a call makes no more `Call` objects, locks and looks at the clock than its path needs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.guard.fast_paths.paths import (
    PATHS,
    SHARED,
    TIMED,
    WINDOW,
    Cost,
    CountedClock,
    Path,
    counted_lock,
    failures,
    run_async_generator,
    run_block,
    run_coroutine,
    run_function,
    run_generator,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.guard import Call
    from tests.fakes import FakeClock

every_path = pytest.mark.parametrize("path", PATHS, indirect=True)
every_fast_path = pytest.mark.parametrize("path", [name for name, each in PATHS.items() if each.is_fast], indirect=True)


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
@pytest.mark.parametrize("run", [run_function, run_coroutine, run_generator, run_async_generator, run_block])
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


def test_a_call_is_made_once_the_consumer_of_a_generator_sends_or_throws(calls: list[Call]) -> None:
    @CircuitBreaker("shop")
    def items() -> Generator[int, object, None]:
        with suppress(KeyError):
            yield 1
        yield 2
        yield 3

    asked, sent, thrown = items(), items(), items()
    for each in (asked, sent, thrown):
        next(each)
        assert calls == []

    assert next(asked) == 2
    assert calls == []
    assert sent.send("value") == 2
    assert len(calls) == 1
    assert thrown.throw(KeyError()) == 2
    assert len(calls) == 2


async def test_an_async_generator_that_is_left_early_needs_no_call(calls: list[Call]) -> None:
    breaker = CircuitBreaker("shop")

    @breaker
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    reading = items()
    await anext(reading)
    await reading.aclose()

    assert calls == []
    assert breaker.snapshot().calls["success"] == 1
