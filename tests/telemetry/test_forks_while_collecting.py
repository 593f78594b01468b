"""A worker that is forked while its server's metric reader collects can make guarded calls.

The reader holds a lock of the SDK at the fork. In the worker that lock is never released, and creating an instrument
needs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from otel_breaker.telemetry import background
from tests.telemetry.forking import WAYS, WORKERS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("way", "imported"),
    [
        *((way, "imported-before") for way in WAYS),
        *((way, "imported-in-the-worker") for way in ("by_name", "with_meter_provider", "instrumented")),
    ],
)
def test_a_worker_forked_while_the_reader_collects_makes_its_first_guarded_call(way: str, imported: str) -> None:
    server = [sys.executable, "-m", "tests.telemetry.forking", way, imported]

    done = subprocess.run(server, capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[2])

    assert done.stdout == str({"served": WORKERS})


def test_a_task_in_the_background_is_done_when_the_call_returns() -> None:
    done: list[str] = []

    background.run_in_background(lambda: done.append(threading.current_thread().name))

    assert done == ["otel_breaker: make instruments"]


def test_a_task_that_hangs_in_the_background_blocks_no_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(background, "LONGEST_WAIT", 0.01)

    def hang() -> None:
        release.wait(30)

    background.run_in_background(hang)
    [hanging] = [thread for thread in threading.enumerate() if thread.name.startswith("otel_breaker")]
    release.set()
    hanging.join(10)

    assert hanging.daemon


WATCHED = """
from opentelemetry import metrics

class Meter(metrics.NoOpMeter):
    def note(self, name, *args, **kwargs):
        print(name)
    create_observable_counter = create_observable_up_down_counter = create_observable_gauge = note

class Provider(metrics.NoOpMeterProvider):
    def get_meter(self, *args, **kwargs):
        return Meter("watched")

def set_up():
    metrics.set_meter_provider(Provider())
"""


@pytest.mark.processes
@pytest.mark.parametrize("order", ["set_up(); import otel_breaker", "import otel_breaker; set_up()"])
def test_instruments_are_made_before_the_first_breaker_by_the_import_or_with_the_provider(order: str) -> None:
    program = f"{WATCHED}\n{order}\nprint('the first breaker')\notel_breaker.CircuitBreaker('payments').call(int)"

    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)

    *made, last = done.stdout.splitlines()
    assert (len(made), last) == (9, "the first breaker")
