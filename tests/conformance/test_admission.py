"""Who is let in: probes are counted, and each gives back its own place and no other (F01, F02, F05-F09)."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import (
    PATIENCE,
    RECOVERY,
    Broken,
    due,
    elsewhere,
    fail,
    finish,
    hold,
    raised_by,
    refuses,
    succeed,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

CROWD = 64


@pytest.mark.parametrize("places", [1, 3])
def test_f01_of_64_threads_at_half_open_as_many_reach_a_dead_dependency_as_may_probe(
    clock: FakeClock, places: int
) -> None:
    breaker = due(clock, half_open_calls=places)
    everybody_has_asked = threading.Barrier(CROWD)

    def reach() -> None:
        everybody_has_asked.wait(PATIENCE)
        raise Broken

    def ask(_: int) -> type[BaseException] | None:
        kind = raised_by(lambda: breaker.call(reach))
        if kind is CircuitOpenError:
            everybody_has_asked.wait(PATIENCE)
        return kind

    outcomes = together(CROWD, ask)

    assert (outcomes.count(Broken), outcomes.count(CircuitOpenError)) == (places, CROWD - places)


def test_f01_of_64_asyncio_tasks_at_half_open_one_reaches_a_dead_dependency(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def call() -> None:
        await asyncio.sleep(0)
        raise Broken

    async def crowd() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(CROWD)), return_exceptions=True)

    outcomes = [type(outcome) for outcome in asyncio.run(crowd())]

    assert (outcomes.count(Broken), outcomes.count(CircuitOpenError)) == (1, CROWD - 1)


def test_f01_of_64_trio_tasks_at_half_open_one_reaches_a_dead_dependency(clock: FakeClock) -> None:
    breaker = due(clock)
    outcomes: list[type] = []

    @breaker
    async def call() -> None:
        await trio.lowlevel.checkpoint()
        raise Broken

    async def note() -> None:
        try:
            await call()
        except (Broken, CircuitOpenError) as error:
            outcomes.append(type(error))

    async def crowd() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(CROWD):
                nursery.start_soon(note)

    trio.run(crowd)

    assert (outcomes.count(Broken), outcomes.count(CircuitOpenError)) == (1, CROWD - 1)


def test_f01_a_probe_that_is_settled_by_hand_brings_no_other_call_of_its_thread_with_it(clock: FakeClock) -> None:
    breaker = due(clock)

    asked = [breaker.can_execute() for _ in range(3)]

    assert [permit is not None for permit in asked] == [True, False, False]


def test_f01_probes_are_limited_in_all_and_not_only_at_once(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=3)
    succeed(breaker)

    probes = [elsewhere(lambda: raised_by(lambda: hold(breaker))) for _ in range(3)]

    assert probes == [None, None, CircuitOpenError]


def test_f02_callers_that_come_after_the_move_to_half_open_are_counted_too(clock: FakeClock) -> None:
    breaker = due(clock)

    with breaker.guard():
        later = [elsewhere(lambda: refuses(breaker)) for _ in range(10)]

    assert all(later)


@pytest.mark.parametrize("end", [None, Broken(), KeyError("ignored")], ids=["success", "failure", "ignored"])
def test_f05_a_call_of_an_earlier_state_frees_no_place_that_a_probe_holds(
    clock: FakeClock, end: Exception | None
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, ignore=KeyError, clock=clock)
    late = hold(breaker)
    fail(breaker)
    clock.advance(RECOVERY)

    with breaker.guard():
        finish(late, end)
        refused = elsewhere(lambda: refuses(breaker))

    assert refused


def test_f05_a_probe_that_is_settled_twice_counts_once(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=2)
    permit = breaker.can_execute()

    breaker.record_success(permit)
    breaker.record_success(permit)

    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.snapshot().calls["success"] == 1


def stop_a_block(breaker: CircuitBreaker) -> None:
    with suppress(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt


def stop_a_function(breaker: CircuitBreaker) -> None:
    @breaker
    def call() -> None:
        raise SystemExit

    with suppress(SystemExit):
        call()


def cancel_an_asyncio_task(breaker: CircuitBreaker) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(breaker.call(asyncio.sleep, 3600))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


def cancel_a_trio_scope(breaker: CircuitBreaker) -> None:
    async def main() -> None:
        with trio.CancelScope() as scope:
            async with breaker.guard():
                scope.cancel()
                await trio.sleep_forever()

    trio.run(main)


@pytest.mark.parametrize("cancel", [stop_a_block, stop_a_function, cancel_an_asyncio_task, cancel_a_trio_scope])
def test_f06_a_cancelled_probe_gives_its_place_back(clock: FakeClock, cancel: Callable[[CircuitBreaker], None]) -> None:
    breaker = due(clock)

    cancel(breaker)

    assert breaker.snapshot().calls["cancelled"] == 1
    assert breaker.state is CircuitState.HALF_OPEN
    assert not refuses(breaker)


def test_f06_a_thousand_cancelled_probes_and_then_one_success_close(clock: FakeClock) -> None:
    breaker = due(clock)

    for _ in range(1_000):
        stop_a_block(breaker)
    succeed(breaker)

    assert breaker.state is CircuitState.CLOSED


def test_f07_the_cancel_of_a_call_that_is_no_probe_moves_nothing_and_frees_nothing(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, clock=clock)
    no_probe = hold(breaker)
    fail(breaker)
    clock.advance(RECOVERY)

    with breaker.guard():
        finish(no_probe, asyncio.CancelledError())
        during = breaker.state
        refused = elsewhere(lambda: refuses(breaker))

    assert during is CircuitState.HALF_OPEN
    assert refused
    assert breaker.state is CircuitState.CLOSED


def test_f08_a_probe_that_raises_something_ignored_gives_its_place_back(clock: FakeClock) -> None:
    breaker = due(clock, ignore=KeyError)

    for _ in range(1_000):
        with suppress(KeyError), breaker.guard():
            raise KeyError
    between = breaker.state
    succeed(breaker)

    assert between is CircuitState.HALF_OPEN
    assert breaker.state is CircuitState.CLOSED
