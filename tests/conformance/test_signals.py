"""A signal handler or a finaliser may make a guarded call at any instruction."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections import Counter
from itertools import cycle

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.conformance.conftest import Broken, in_new_process

pytestmark = pytest.mark.processes

OUTCOMES = ("success", "failure", "ignored", "rejected", "cancelled")


class Caller:
    """Makes calls of every outcome, and records the outcome of each."""

    def __init__(self, breaker: CircuitBreaker, kinds: str) -> None:
        self.seen: list[str] = []
        self._kinds = cycle(kinds.split())
        self._guarded = breaker(self._answer)

    def call(self) -> None:
        try:
            self._guarded(next(self._kinds))
            self.seen.append("success")
        except Broken:
            self.seen.append("failure")
        except KeyError:
            self.seen.append("ignored")
        except SystemExit:
            self.seen.append("cancelled")
        except CircuitOpenError:
            self.seen.append("rejected")

    @staticmethod
    def _answer(kind: str) -> None:
        if kind != "success":
            raise {"failure": Broken, "ignored": KeyError, "cancelled": SystemExit}[kind]


MIXED = "success failure success success ignored failure failure cancelled failure failure"
SENSITIVE = {"failure_threshold": 3, "recovery_time": 0.00001, "ignore": KeyError}


def compare(breaker: CircuitBreaker, *callers: Caller) -> None:
    seen = Counter(outcome for caller in callers for outcome in caller.seen)
    assert breaker.snapshot().calls == {outcome: seen[outcome] for outcome in OUTCOMES}
    assert all(seen[outcome] for outcome in OUTCOMES)


def call_under_signals(seconds: float) -> None:
    """In a process of its own: pytest's own time limit uses the same timer."""
    breaker = CircuitBreaker(**SENSITIVE)  # type: ignore[arg-type]
    main, handler = Caller(breaker, MIXED), Caller(breaker, MIXED)
    signal.signal(signal.SIGALRM, lambda number, frame: handler.call())
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        main.call()
    signal.setitimer(signal.ITIMER_REAL, 0)
    compare(breaker, main, handler)
    sys.stdout.write(str(len(handler.seen)))


def test_a_signal_handler_at_1_khz_and_its_thread_share_a_breaker_without_deadlock_or_miscount() -> None:
    handled = in_new_process("from tests.conformance.test_signals import *; call_under_signals(1.0)")

    assert int(handled) > 100


class Finalised:
    """Garbage that makes a call when it is collected: it refers to itself, so that only the collector frees it."""

    def __init__(self, caller: Caller) -> None:
        self._self = self
        self._caller = caller

    def __del__(self) -> None:
        self._caller.call()


def call_in_finalisers(calls: int) -> None:
    """In a process of its own: a collector this eager would go through all that pytest has made."""
    breaker = CircuitBreaker(**SENSITIVE)  # type: ignore[arg-type]
    main, finaliser = Caller(breaker, MIXED), Caller(breaker, MIXED)
    gc.collect()
    gc.freeze()
    gc.set_threshold(5, 2, 2)
    for _ in range(calls):
        Finalised(finaliser)
        main.call()
    gc.set_threshold(700, 10, 10)
    gc.collect()
    compare(breaker, main, finaliser)
    sys.stdout.write(str(len(finaliser.seen)))


def test_a_finaliser_that_the_collector_runs_and_its_thread_share_a_breaker_without_deadlock_or_miscount() -> None:
    finalised = in_new_process("from tests.conformance.test_signals import *; call_in_finalisers(5_000)")

    assert int(finalised) == 5_000
