"""Calls in the middle of a decision, such as those of a signal handler or a finaliser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState
from otel_breaker.circuit import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock


def in_the_middle(monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[], object]) -> None:
    """Run a function in the middle of a decision, where the circuit draws a random number under its lock."""

    def draw() -> float:
        monkeypatch.undo()
        interrupt()
        return 0.5

    monkeypatch.setattr(RUNTIME, "draw", draw)


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
    given: list[object] = []

    in_the_middle(monkeypatch, lambda: given.append(breaker.can_execute()))
    given.append(breaker.can_execute())

    assert given == [None, None]
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
