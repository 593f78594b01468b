"""Calls in the middle of a decision, such as those of a signal handler or a finaliser."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from otel_breaker.circuit.chance import CHANCE
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import Outcome
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.circuit import Circuit
    from tests.fakes import FakeClock


def in_the_middle(monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[], object]) -> None:
    """Run a function in the middle of a decision, where the circuit draws a random number under its lock."""

    def draw() -> float:
        monkeypatch.undo()
        interrupt()
        return 0.5

    monkeypatch.setattr(CHANCE, "draw", draw)


def test_a_call_made_in_the_middle_of_a_decision_passes_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    breaker.record_failure()

    in_the_middle(monkeypatch, lambda: breaker.call(int))
    breaker.record_failure()

    assert (breaker.state, breaker.snapshot().calls["success"]) == (CircuitState.OPEN, 1)


def test_a_failure_in_the_middle_of_a_decision_is_counted_without_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    breaker.record_failure()

    def fail() -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            breaker.call(int, "no number")

    in_the_middle(monkeypatch, fail)
    breaker.record_success(breaker.can_execute())

    assert (breaker.state, breaker.snapshot().calls["failure"]) == (CircuitState.CLOSED, 2)


def test_a_call_made_in_the_middle_of_a_refusal_is_refused(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.can_execute()
    permits: list[object] = []

    in_the_middle(monkeypatch, lambda: permits.append(breaker.can_execute()))
    permits.append(breaker.can_execute())

    assert permits == [None, None]
    assert breaker.snapshot().calls["rejected"] == 2


def test_a_command_in_the_middle_of_an_outcome_is_carried_out_when_that_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[str] = []
    breaker = CircuitBreaker(failure_threshold=1)
    breaker.add_listener(lambda change: received.append(change.to_state.value))

    in_the_middle(monkeypatch, breaker.force_closed)
    breaker.record_failure()

    assert (breaker.state, received) == (CircuitState.FORCED_CLOSED, ["open", "forced_closed"])


def test_a_command_in_the_middle_of_a_refusal_is_carried_out_when_that_is_made(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.can_execute()

    in_the_middle(monkeypatch, breaker.force_closed)
    refused = breaker.can_execute()

    assert (refused, breaker.state) == (None, CircuitState.FORCED_CLOSED)
    assert breaker.can_execute()


class LockWithCommand:
    """A circuit's lock that gives a command just after it is acquired for the first time, as a signal handler may."""

    def __init__(self, command: Callable[[], None]) -> None:
        self._lock = threading.RLock()
        self._commands = [command]

    def acquire(self) -> None:
        self._lock.acquire()
        if self._commands:
            self._commands.pop()()

    def release(self) -> None:
        self._lock.release()

    def _is_owned(self) -> bool:
        return self._lock._is_owned()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "use",
    [
        lambda circuit, permit: circuit.acquire_permit(),
        lambda circuit, permit: circuit.record_outcome(permit, Outcome.FAILURE),
        lambda circuit, permit: circuit.record_outcome(permit, Outcome.SUCCESS),
        lambda circuit, permit: circuit.suspend(permit),
        lambda circuit, permit: circuit.resume(permit, circuit),
        lambda circuit, permit: circuit.permit_for_unrequested_result(),
        lambda circuit, permit: circuit.adopt(Settings()),
        lambda circuit, permit: circuit.adopt_runtime(time.monotonic, time.monotonic),
        lambda circuit, permit: circuit.reset(None, None, None),
        lambda circuit, permit: circuit.snapshot(),
        lambda circuit, permit: circuit.read(),
    ],
)
@pytest.mark.parametrize("exclusive", [True, False])
def test_a_command_in_the_middle_of_any_use_of_a_circuit_is_carried_out_and_delivered_after_it(
    exclusive: bool, use: Callable[[Circuit, Permit], object]
) -> None:
    breaker = CircuitBreaker(failure_threshold=3)
    received: list[CircuitState] = []
    breaker.add_listener(lambda change: received.append(change.to_state))
    breaker.record_failure()  # a streak: no fast path
    circuit = breaker._circuit
    permit, _ = circuit.acquire_permit(None if exclusive else circuit)
    assert isinstance(permit, Permit)
    circuit._lock = cast("threading.RLock", LockWithCommand(breaker.force_open))

    use(circuit, permit)

    assert (breaker.state, received) == (CircuitState.FORCED_OPEN, [CircuitState.FORCED_OPEN])
