"""A storm of interrupts, which raise where Python checks for signals, leaves all locks free and all changes delivered.

Since Python 3.14 one such check is between acquiring a lock and the block that releases it. Only the storm finds it
there; test_interrupted_locks.py simulates it on every Python.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange, configure, get_breaker
from otel_breaker.registry import REGISTRY
from otel_breaker.telemetry.metrics import METRIC_REGISTRY
from tests.conformance.conftest import Broken, elsewhere, in_new_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

pytestmark = pytest.mark.processes


class SoftLimit(BaseException):
    """The exception of a time limit's handler."""


class Storm:
    """Interrupts its thread repeatedly, at random moments of its work."""

    def __init__(self) -> None:
        self.interrupts = 0
        self._is_raging = False
        signal.signal(signal.SIGALRM, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._is_raging:
            self.interrupts += 1
            raise SoftLimit

    def over(self, work: Callable[[], object], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._is_raging = True
                # Again after a while: an exception in a callback of the collector is dropped.
                signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 2e-4), 0.01)
                while True:
                    work()
            except SoftLimit:
                self._is_raging = False
        signal.setitimer(signal.ITIMER_REAL, 0)


class Everything:
    """One use of each lock."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker("storm", failure_threshold=3, recovery_time=1e-4)
        self.slow = CircuitBreaker("storm slow", slow_call_duration=60, slow_call_rate=1.0)
        self.received: list[StateChange] = []
        self.breaker.add_listener(self.received.append)
        self.number = 0

    def once(self) -> None:
        self.number += 1
        for call in (self._fail, self._two_steps, self._succeed, self._operate, self._get_by_name, self._read):
            with suppress(Broken, CircuitOpenError):
                call()

    def _fail(self) -> None:
        with self.breaker.guard():
            raise Broken

    def _two_steps(self) -> None:
        permit = self.slow.can_execute()
        self.slow.record_failure(Broken(), permit)

    def _succeed(self) -> None:
        with self.slow.guard():
            pass

    def _operate(self) -> None:
        if self.number % 5 == 0:
            self.breaker.force_open()
            self.breaker.reset()

    def _get_by_name(self) -> None:
        get_breaker("storm by name")
        get_breaker("storm by key", key=str(self.number % 7), max_keys=3)

    def _read(self) -> None:
        self.breaker.snapshot()
        METRIC_REGISTRY.aggregates()
        REGISTRY.configure_unless_named("storm by name", self.breaker.settings)
        configure(events="both" if self.number % 2 else "log")


def storm(seconds: float) -> None:
    """In a process of its own: pytest's own time limit uses the same timer."""
    everything, tempest = Everything(), Storm()
    everything.once()
    tempest.over(everything.once, seconds)
    elsewhere(everything.once)  # hangs where a lock was not released
    breaker = everything.breaker
    breaker.reset()
    everything.received.clear()
    breaker.force_open()
    breaker.reset()
    in_order = [(change.from_state.value, change.to_state.value) for change in everything.received[-2:]]
    assert in_order == [("closed", "forced_open"), ("forced_open", "closed")], in_order
    dispatcher = breaker._circuit.history.dispatcher
    assert dispatcher is not None
    assert not dispatcher.queue, "a change is never delivered"
    assert threading.active_count() < 5
    sys.stdout.write(str(tempest.interrupts))
    sys.stdout.flush()
    os._exit(0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no interval timers")
def test_a_storm_of_interrupts_leaves_no_lock_taken_and_no_circuit_mute() -> None:
    interrupts = in_new_process("from tests.conformance.test_storms import *; storm(1.5)")

    assert int(interrupts) > 100
