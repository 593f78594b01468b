"""Pays three times, then has two workers pay until the circuit opens; the argument selects how workers are made."""

from __future__ import annotations

import multiprocessing
import os
import sys
from contextlib import suppress

from opentelemetry import _logs, metrics, trace

from otel_breaker import get_breaker

breaker = get_breaker("payments", failure_threshold=2, recovery_time=600)


@breaker
def charge(*, paid: bool) -> None:
    if not paid:
        raise OSError


def work(number: int) -> None:
    """Pay so many times, fail twice, and be refused."""
    for paid in [*[True] * number, False, False, True]:
        with suppress(Exception):
            charge(paid=paid)
    # A child of `multiprocessing` leaves without `atexit`.
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
        provider.force_flush()  # type: ignore[union-attr]


def fork(number: int) -> None:
    child = os.fork()
    if child == 0:
        work(number)
        os._exit(0)
    os.waitpid(child, 0)


def process(method: str, number: int) -> None:
    worker = multiprocessing.get_context(method).Process(target=work, args=(number,))  # type: ignore[attr-defined]
    worker.start()
    worker.join()


if __name__ == "__main__":
    for _ in range(3):
        charge(paid=True)
    for number in (1, 2):
        if sys.argv[1] == "os.fork":
            fork(number)
        else:
            process(sys.argv[1], number)
