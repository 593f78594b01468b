"""Jitter spreads probes; it comes from a random generator of our own."""

from __future__ import annotations

import os
import random
from contextlib import suppress

import pytest

from otel_breaker import CircuitBreaker, get_breaker
from otel_breaker.circuit.chance import CHANCE


def test_guarded_calls_leave_the_applications_seeded_random_numbers_as_they_were() -> None:
    random.seed(0)
    expected = [random.random() for _ in range(5)]
    random.seed(0)
    seen = []

    for number in range(5):
        breaker = CircuitBreaker("test_chance", failure_threshold=1, recovery_time=0.001, recovery_jitter=0.5)
        get_breaker("test_chance keyed", key=str(number)).call(int)
        with suppress(ZeroDivisionError):
            breaker.call(lambda: 1 / 0)
        breaker.reset()
        seen.append(random.random())

    assert seen == expected


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_workers_draw_different_numbers() -> None:
    drawn = set()
    for _ in range(3):
        reading, writing = os.pipe()
        if not os.fork():
            os.write(writing, repr(CHANCE.draw()).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            drawn.add(pipe.read())
        os.wait()

    assert len(drawn) == 3
