"""Leases of probes: each is freed once, by its holder."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitState
from tests.conformance.conftest import (
    RECOVERY,
    Broken,
    due,
    elsewhere,
    fail,
    finish,
    hold,
    refuses,
    succeed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock


@pytest.mark.parametrize("end", [None, Broken(), KeyError("ignored")], ids=["success", "failure", "ignored"])
def test_a_call_of_an_earlier_state_frees_no_lease_of_a_probe(clock: FakeClock, end: Exception | None) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=RECOVERY, ignore=KeyError, clock=clock)
    late = hold(breaker)
    fail(breaker)
    clock.advance(RECOVERY)

    with breaker.guard():
        finish(late, end)
        refused = elsewhere(lambda: refuses(breaker))

    assert refused


def test_a_probe_that_is_settled_twice_counts_once(clock: FakeClock) -> None:
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
def test_a_cancelled_probe_frees_its_lease(clock: FakeClock, cancel: Callable[[CircuitBreaker], None]) -> None:
    breaker = due(clock)

    cancel(breaker)

    assert breaker.snapshot().calls["cancelled"] == 1
    assert breaker.state is CircuitState.HALF_OPEN
    assert not refuses(breaker)


def test_a_thousand_cancelled_probes_and_then_one_success_close(clock: FakeClock) -> None:
    breaker = due(clock)

    for _ in range(1_000):
        stop_a_block(breaker)
    succeed(breaker)

    assert breaker.state is CircuitState.CLOSED


def test_the_cancellation_of_a_call_that_is_no_probe_has_no_effect_and_frees_no_lease(clock: FakeClock) -> None:
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


def test_a_probe_that_raises_an_ignored_exception_frees_its_lease(clock: FakeClock) -> None:
    breaker = due(clock, ignore=KeyError)

    for _ in range(1_000):
        with suppress(KeyError), breaker.guard():
            raise KeyError
    between = breaker.state
    succeed(breaker)

    assert between is CircuitState.HALF_OPEN
    assert breaker.state is CircuitState.CLOSED
