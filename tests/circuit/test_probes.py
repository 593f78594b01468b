"""A half-open circuit tests with a few calls whether the dependency has recovered; overdue calls trip it early."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState

if TYPE_CHECKING:
    from tests.fakes import FakeClock


def half_opened(clock: FakeClock, **settings: object) -> CircuitBreaker:
    """A breaker that admits a probe with the next call."""
    breaker = CircuitBreaker(clock=clock, **{"failure_threshold": 1, **settings})  # type: ignore[arg-type]
    breaker.record_failure()
    clock.advance(60)
    return breaker


def test_exactly_the_allowed_number_of_probes_passes_under_concurrency(clock: FakeClock) -> None:
    breaker = half_opened(clock, half_open_calls=3)
    start, leave = threading.Barrier(20), threading.Barrier(20)

    def call() -> bool:
        start.wait(10)
        try:
            with breaker.guard():
                leave.wait(10)
        except CircuitOpenError:
            leave.wait(10)
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        passed = [answer.result() for answer in [pool.submit(call) for _ in range(20)]]

    assert (passed.count(True), breaker.state) == (3, CircuitState.CLOSED)


def test_all_probes_must_succeed_for_the_circuit_to_close(clock: FakeClock) -> None:
    breaker = half_opened(clock, half_open_calls=2)
    first, second = breaker.can_execute(), breaker.can_execute()

    breaker.record_success(first)
    between = breaker.state
    breaker.record_failure(permit=second)

    assert (between, breaker.state) == (CircuitState.HALF_OPEN, CircuitState.OPEN)


def test_an_open_circuit_stays_open_until_the_next_call(clock: FakeClock) -> None:
    breaker = half_opened(clock)

    before = (breaker.state, breaker.snapshot().retry_after)
    breaker.can_execute()

    assert before == (CircuitState.OPEN, 0.0)
    assert breaker.state is CircuitState.HALF_OPEN


def test_a_thousand_ignored_probes_and_one_success_close_the_circuit(clock: FakeClock) -> None:
    breaker = half_opened(clock, ignore=KeyError)

    for _ in range(1_000):
        with pytest.raises(KeyError), breaker.guard():
            raise KeyError
    ignored = breaker.state
    with breaker.guard():
        pass

    assert (ignored, breaker.state) == (CircuitState.HALF_OPEN, CircuitState.CLOSED)


def test_probes_are_counted_by_what_became_of_them(clock: FakeClock) -> None:
    breaker = half_opened(clock, half_open_calls=3, probe_timeout=5, ignore=KeyError)
    permits = [breaker.can_execute() for _ in range(3)]

    breaker.record_success(permits[0])
    breaker.record_failure(KeyError(), permits[1])
    clock.advance(5)
    breaker.record_failure(permit=permits[2])
    clock.advance(60)
    breaker.record_failure(permit=breaker.can_execute())

    assert breaker._circuit.read().totals.probes == {"success": 1, "ignored": 1, "timeout": 1, "failure": 1}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_a_probe_that_is_stopped_gives_its_place_back_at_once(clock: FakeClock, stop: type[BaseException]) -> None:
    breaker = half_opened(clock)

    with pytest.raises(stop), breaker.guard():
        raise stop

    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.probes_in_flight) == (CircuitState.HALF_OPEN, 0)
    assert snapshot.calls["cancelled"] == 1


def test_a_cancelled_trio_task_frees_its_probe(clock: FakeClock) -> None:
    breaker = half_opened(clock)

    @breaker
    async def hang() -> None:
        await trio.sleep_forever()

    async def main() -> None:
        with trio.move_on_after(0):
            await hang()

    trio.run(main)

    assert (breaker.snapshot().probes_in_flight, breaker.snapshot().calls["cancelled"]) == (0, 1)


def test_an_expired_probe_reopens_the_circuit_from_its_deadline(clock: FakeClock) -> None:
    breaker = half_opened(clock, probe_timeout=10)
    expired = breaker.can_execute()
    clock.advance(25)

    refused = breaker.can_execute()
    breaker.record_success(expired)

    assert refused is None
    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().retry_after == 45.0


def test_a_call_cancelled_late_is_slow_all_the_same(clock: FakeClock) -> None:
    breaker = CircuitBreaker(slow_call_duration=2, slow_call_rate=1, minimum_calls=1, clock=clock)

    @breaker
    def hang() -> None:
        clock.advance(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hang()

    assert breaker.state is CircuitState.OPEN


def test_calls_that_hang_trip_the_circuit_before_they_return(clock: FakeClock) -> None:
    breaker = CircuitBreaker(slow_call_duration=2, slow_call_rate=1, minimum_calls=3, clock=clock)
    hanging = [breaker.can_execute() for _ in range(3)]
    clock.advance(2)

    assert all(hanging)
    assert breaker.can_execute() is None
