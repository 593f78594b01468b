"""A forked child tells of its own calls only, whatever its parent was doing."""

from __future__ import annotations

import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.telemetry.metrics import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def told(name: str) -> int:
    """What the process tells of all calls of a name."""
    return sum(dict(LEDGER.figures())[name].totals.calls.values())


def in_child(answer: Callable[[], int]) -> int:
    """What a forked child answers; one that hangs is ended by an alarm."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        said = 100
        try:
            said = answer()
        finally:
            os._exit(said)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_tells_only_of_its_own_calls() -> None:
    breaker, dropped = CircuitBreaker("forked"), CircuitBreaker("forked")
    breaker.call(int)
    dropped.call(int)
    del dropped
    gc.collect()

    def call() -> int:
        breaker.call(int)
        return told("forked")

    assert in_child(call) == 1
    assert told("forked") == 2


def test_a_forked_child_makes_breakers_though_another_thread_was_reading() -> None:
    held, let_go = threading.Event(), threading.Event()

    def read() -> None:
        with LEDGER._lock:
            held.set()
            let_go.wait(30)

    def make() -> int:
        CircuitBreaker("forked while read").call(int)
        return told("forked while read")

    with ThreadPoolExecutor(1) as another:
        another.submit(read)
        assert held.wait(10)
        answer = in_child(make)
        let_go.set()

    assert answer == 1
