"""Type-checked and never run: guarded code keeps its types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from typing_extensions import assert_type

from otel_breaker import (
    Block,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    Counts,
    Listener,
    Mode,
    Permit,
    Reason,
    Settings,
    Snapshot,
    StateChange,
    breakers,
    configure,
    get_breaker,
)
from otel_breaker.settings import Events, Spans
from otel_breaker.testing import forced

breaker = CircuitBreaker("payments", failure_threshold=3, recovery_time="30s", ignore=[KeyError], mode="shadow")
CircuitBreaker("payments", failure_treshold=3)  # type: ignore[call-arg]
CircuitBreaker("payments", failure_threshold="3")  # type: ignore[arg-type]
CircuitBreaker("payments", mode=Mode.SHADOW)
CircuitBreaker("payments", mode="shadwo")  # type: ignore[arg-type]
get_breaker("payments", mode="of")  # type: ignore[arg-type]
configure(spans="problems", events="log")
configure(spans=Spans.OFF, events=Events.BOTH)
configure(spans="problem")  # type: ignore[arg-type]
configure(events="logs")  # type: ignore[arg-type]


@breaker
def charge(order: str, amount: int, *, note: str = "") -> bool:
    return bool(order and amount and note)


@breaker
async def charge_later(order: str, amount: int = 1) -> bool:
    return bool(order and amount)


class Client:
    @breaker
    def charge(self, order: str) -> bool:
        return bool(order)

    @breaker
    async def charge_later(self, order: str) -> bool:
        return bool(order)

    @staticmethod
    @breaker
    def charge_statically(order: str) -> bool:
        return bool(order)

    @classmethod
    @breaker
    def charge_for_all(cls, order: str) -> bool:
        return bool(order)


def functions_keep_their_signatures() -> None:
    assert_type(charge("order", 1, note="first"), bool)
    charge(1, 1)  # type: ignore[arg-type]
    charge("order", 1, tone="first")  # type: ignore[call-arg]
    exactly: Callable[[str, int], bool] = breaker(bool_of)
    assert_type(exactly("order", 1), bool)


def bool_of(order: str, amount: int) -> bool:
    return bool(order and amount)


async def coroutine_functions_keep_their_signatures() -> None:
    coroutine = assert_type(charge_later("order", 1), Coroutine[Any, Any, bool])
    assert_type(await coroutine, bool)
    assert_type(await charge_later("order"), bool)
    await charge_later(1)  # type: ignore[arg-type]


async def methods_keep_their_signatures() -> None:
    assert_type(Client().charge("order"), bool)
    assert_type(await Client().charge_later("order"), bool)
    assert_type(Client.charge_statically("order"), bool)
    assert_type(Client.charge_for_all("order"), bool)
    Client().charge(1)  # type: ignore[arg-type]


async def call_returns_what_the_function_returns() -> None:
    assert_type(breaker.call(charge, "order", 1, note="first"), bool)
    assert_type(await breaker.call(charge_later, "order", amount=1), bool)
    assert_type(await breaker.call(Client().charge_later, "order"), bool)
    assert_type(breaker.call(partial(charge, "order"), 1), bool)
    breaker.call(charge, 1, 1)  # type: ignore[arg-type]
    breaker.call(charge, "order")  # type: ignore[call-arg]


async def blocks_take_a_verdict() -> None:
    with breaker.guard() as call:
        assert_type(call, Block)
        call.failed("503")
        call.failed(503)  # type: ignore[arg-type]
    async with breaker.guard() as call:
        call.ignored()


def two_steps_pass_a_permit_on() -> None:
    permit = assert_type(breaker.can_execute(), Permit | None)
    if permit is not None:
        breaker.record_success(permit)
        breaker.record_failure(ValueError(), permit)
    breaker.record_success()
    breaker.record_failure()
    breaker.record_success("permit")  # type: ignore[arg-type]


def all_that_can_be_read_has_a_type(error: CircuitOpenError) -> None:
    assert_type(breaker.state, CircuitState)
    assert_type(breaker.snapshot(), Snapshot)
    assert_type(breaker.snapshot().mode, Mode)
    assert_type(breaker.snapshot().reason, str | None)
    assert_type(breaker.settings, Settings)
    assert_type(breaker.failures, int)
    assert_type(breaker.last_failure_time, float | None)
    assert_type(breaker.last_state_change, float)
    assert_type(breakers(), list[CircuitBreaker])
    assert_type(get_breaker("payments", failure_threshold=3), CircuitBreaker)
    assert_type(error.name, str)
    assert_type(error.state, CircuitState)
    assert_type(error.retry_after, float | None)


def listeners_take_a_state_change() -> None:
    def listen(change: StateChange) -> None:
        assert_type(change.from_state, CircuitState)
        assert_type(change.counts, Counts)
        assert_type(change.reason, Reason)
        assert_type(change.mode, Mode)
        assert_type(change.actor, str | None)
        assert_type(change.manual_reason, str | None)

    def listen_wrongly(change: str) -> None:
        pass

    listener: Listener = listen
    breaker.add_listener(listener)
    breaker.add_listener(listen_wrongly)  # type: ignore[arg-type]


def a_forced_state_is_a_state_or_its_value() -> None:
    forced(breaker, CircuitState.OPEN)
    forced(breaker, "forced_closed")
    forced(breaker, "half_open")  # type: ignore[call-overload]
