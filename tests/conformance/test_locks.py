"""A lock is held for bookkeeping only: never while code runs that is not ours."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitState, StateChange
from tests.conformance.conftest import (
    PATIENCE,
    Broken,
    due,
    elsewhere,
    fail,
    in_new_process,
    raised_by,
    refuses,
    succeed,
    together,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import FakeClock


def test_calls_of_a_closed_circuit_run_at_the_same_time(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)
    fail(breaker)  # a streak: none of the calls takes the fast path
    all_inside = threading.Barrier(8)

    together(8, lambda _: breaker.call(all_inside.wait, PATIENCE))

    assert breaker.snapshot().calls["success"] == 8


def test_probes_run_at_the_same_time(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=8)
    all_inside = threading.Barrier(8)

    together(8, lambda _: breaker.call(all_inside.wait, PATIENCE))

    assert breaker.state is CircuitState.CLOSED


def test_a_hanging_call_blocks_no_other(clock: FakeClock) -> None:
    breaker = due(clock)
    inside, leave = threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        leave.wait(PATIENCE)

    hanging = threading.Thread(target=lambda: breaker.call(hang))
    hanging.start()
    inside.wait(PATIENCE)
    refused = refuses(breaker)
    leave.set()
    hanging.join()

    assert refused
    assert breaker.state is CircuitState.CLOSED


def test_a_listener_may_wait_for_another_thread_that_uses_the_breaker(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    seen: list[tuple[bool, str]] = []

    def listen(change: StateChange) -> None:
        seen.append(elsewhere(lambda: (refuses(breaker), breaker.snapshot().state.value)))

    breaker.add_listener(listen)
    fail(breaker)

    assert seen == [(True, "open")]


def test_predicates_may_wait_for_another_thread_that_uses_the_breaker(clock: FakeClock) -> None:
    seen: list[str] = []

    def evaluate_elsewhere(_: object) -> bool:
        elsewhere(lambda: succeed(breaker))
        seen.append(elsewhere(lambda: breaker.snapshot().state.value))
        return True

    breaker = CircuitBreaker(
        failure_threshold=3,
        failure_on=evaluate_elsewhere,
        failure_result=evaluate_elsewhere,
        retry_after=evaluate_elsewhere,
        clock=clock,
    )
    raised_by(lambda: breaker.call(raise_broken))
    breaker.call(str)

    assert seen == ["closed"] * len(seen)
    assert len(seen) >= 3


def raise_broken() -> None:
    raise Broken


APPLICATION = """
from otel_breaker import get_breaker
import threading, time
importing.set()
time.sleep(0.3)  # the other thread has reached its own import by now
get_breaker("theirs")
class Declined(Exception):
    pass
"""

TWO_THREADS = """
import builtins, faulthandler, sys, threading
faulthandler.dump_traceback_later(10, exit=True)
from otel_breaker import get_breaker
builtins.importing = threading.Event()
sys.path.insert(0, {path!r})
main = threading.Thread(target=lambda: __import__("application"))
main.start()
importing.wait()
get_breaker("ours", ignore=["application.Declined"])
main.join()
"""


@pytest.mark.processes
def test_a_breaker_whose_settings_name_a_module_does_not_hold_up_the_import_of_that_module(tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)

    in_new_process(TWO_THREADS.format(path=str(tmp_path)))
