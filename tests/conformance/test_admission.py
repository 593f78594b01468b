"""Admission: as many callers as may probe, and no more."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitOpenError
from tests.conformance.conftest import (
    PATIENCE,
    Broken,
    due,
    elsewhere,
    hold,
    raised_by,
    refuses,
    succeed,
    together,
)

if TYPE_CHECKING:
    from tests.fakes import FakeClock

CROWD = 64


@pytest.mark.parametrize("leases", [1, 3])
def test_of_64_threads_at_half_open_as_many_reach_a_dead_dependency_as_may_probe(clock: FakeClock, leases: int) -> None:
    breaker = due(clock, half_open_calls=leases)
    all_have_called = threading.Barrier(CROWD)

    def reach() -> None:
        all_have_called.wait(PATIENCE)
        raise Broken

    def call_once(_: int) -> type[BaseException] | None:
        kind = raised_by(lambda: breaker.call(reach))
        if kind is CircuitOpenError:
            all_have_called.wait(PATIENCE)
        return kind

    outcomes = together(CROWD, call_once)

    assert (outcomes.count(Broken), outcomes.count(CircuitOpenError)) == (leases, CROWD - leases)


def test_of_64_asyncio_tasks_at_half_open_one_reaches_a_dead_dependency(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def call() -> None:
        await asyncio.sleep(0)
        raise Broken

    async def crowd() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(CROWD)), return_exceptions=True)

    outcomes = [type(outcome) for outcome in asyncio.run(crowd())]

    assert (outcomes.count(Broken), outcomes.count(CircuitOpenError)) == (1, CROWD - 1)


def test_of_64_trio_tasks_at_half_open_one_reaches_a_dead_dependency(clock: FakeClock) -> None:
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


def test_a_probe_that_is_settled_by_hand_lets_no_other_call_of_its_thread_pass(clock: FakeClock) -> None:
    breaker = due(clock)

    permits = [breaker.can_execute() for _ in range(3)]

    assert [permit is not None for permit in permits] == [True, False, False]


def test_probes_are_limited_in_all_and_not_only_at_once(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=3)
    succeed(breaker)

    probes = [elsewhere(lambda: raised_by(lambda: hold(breaker))) for _ in range(3)]

    assert probes == [None, None, CircuitOpenError]


def test_callers_that_come_after_the_transition_to_half_open_are_counted_too(clock: FakeClock) -> None:
    breaker = due(clock)

    with breaker.guard():
        later = [elsewhere(lambda: refuses(breaker)) for _ in range(10)]

    assert all(later)
