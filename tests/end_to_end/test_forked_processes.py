"""Workers of a program under `opentelemetry-instrument`: each exports its own calls, under its own instance."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from tests.end_to_end.instrumented import NOBODY, command, environment, run
from tests.end_to_end.otlp_receiver import GRPC, HTTP, Received, receiving
from tests.end_to_end.shop import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
]

PROCESSES = [
    {"success": 3},
    {"success": 1, "failure": 2, "rejected": 1},
    {"success": 2, "failure": 2, "rejected": 1},
]
"""The parent, which pays three times, and its two children."""


# A child forked while the SDK's metric reader exports finds a lock taken for ever: here all export at exit alone.
LATE = {"OTEL_METRIC_EXPORT_INTERVAL": "600000", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
SILENT = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
# Not gRPC after a fork: its threads do not survive one.
WAYS = [("os.fork", HTTP), ("fork", HTTP), ("spawn", HTTP), ("spawn", GRPC)]


@pytest.fixture(scope="module", params=WAYS, ids=" over ".join)
def received(request: pytest.FixtureRequest) -> Received:
    how, protocol = request.param
    with receiving(protocol) as received:
        run("forks", how, endpoint=received.url, more={**LATE, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
    return received


def counted(received: Received) -> dict[str, dict[str, int]]:
    """The last count of each outcome of each process, of refused calls over all reasons, without zeros."""
    last = {
        (point.instance, *sorted(point.attributes.items())): point
        for point in sorted(received.points, key=lambda point: point.time)
        if point.metric == "circuit_breaker.calls" and point.value
    }
    counts: dict[str, dict[str, int]] = defaultdict(Counter)
    for point in last.values():
        counts[point.instance][point.attributes["circuit_breaker.call.outcome"]] += int(point.value)
    return counts


def test_each_process_counts_its_own_calls_from_zero(received: Received) -> None:
    assert sorted(counted(received).values(), key=lambda count: sum(count.values())) == PROCESSES


def test_the_spans_of_each_process_arrive_in_its_name(received: Received) -> None:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for span in received.spans:
        outcomes[span.instance][span.attributes["circuit_breaker.call.outcome"]] += 1

    assert outcomes == counted(received)


def test_the_log_event_of_each_childs_trip_arrives_in_its_name(received: Received) -> None:
    trips = {
        span.instance: span.context
        for span in received.spans
        if span.attributes.get("circuit_breaker.state_change.to") == "open"
    }
    exported = {log.instance: log.context for log in received.logs if log.event == "circuit_breaker.state_change"}

    assert len(trips) == 2
    assert exported == trips


@contextmanager
def gunicorn(application: str, workers: int, log: Path, more: Mapping[str, str], endpoint: str) -> Iterator[str]:
    """A preloading server under `opentelemetry-instrument`; its address."""
    options = ["--preload", "--no-control-socket", "--workers", str(workers), "--bind", "127.0.0.1:0"]
    # The SDK's shutdown waits for the lock that a reader held at the fork.
    options += ["--graceful-timeout", "2"]
    start = [sys.executable, "-m", "gunicorn", *options, f"tests.end_to_end.programs.{application}:application"]

    def address() -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        return found.group() if found else ""

    with log.open("w") as output:
        server = subprocess.Popen(
            command(*start), env=environment(endpoint, more), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            until(lambda: bool(address()))
            yield address()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def ask(url: str, served: Counter[str], workers: int) -> bool:
    """Make a request; whether each worker has answered one by now."""
    with requests.Session() as session:
        session.trust_env = False
        served[session.get(url, timeout=10).text] += 1
    return len(served) == workers


def test_workers_of_gunicorn_with_preloading_count_their_own_calls(tmp_path: Path) -> None:
    log, served = tmp_path / "gunicorn.log", Counter[str]()

    with receiving() as received, gunicorn("preloaded", 2, log, LATE, received.url) as url:
        until(lambda: ask(url, served, 2))

    counts = [count["success"] for count in counted(received).values()]
    assert sorted(counts) == sorted([1, *served.values()]), log.read_text()


def test_workers_of_gunicorn_forked_while_the_reader_collects_make_their_first_guarded_call(tmp_path: Path) -> None:
    log, served = tmp_path / "gunicorn.log", Counter[str]()
    often = {"OTEL_METRIC_EXPORT_INTERVAL": "100"}

    with receiving() as received, gunicorn("first_call_in_worker", 3, log, often, received.url) as url:
        until(lambda: ask(url, served, 3))

    assert len(served) == 3, log.read_text()


@pytest.mark.parametrize(("function", "complaints"), [("charge", 0), ("chrge", 1)])
def test_a_master_of_gunicorn_without_preloading_leaves_its_targets_to_its_workers(
    tmp_path: Path, function: str, complaints: int
) -> None:
    log = tmp_path / "gunicorn.log"
    start = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]
    program = "tests.end_to_end.programs.served"
    with log.open("w") as output:
        server = subprocess.Popen(
            command(*start, f"{program}:application"),
            env=environment(NOBODY, {"OTEL_BREAKER_TARGETS": f"{program}:{function}"} | SILENT),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: "Booting worker" in log.read_text())
            until(lambda: bool(answer(re.findall(r"http://127\.0\.0\.1:\d+", log.read_text())[0])))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)

    assert log.read_text().count("targets not guarded") == complaints, log.read_text()


def answer(url: str) -> str:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10).text
