"""A preloading server, whose breakers were used before it forked its workers: what arrives at a Collector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.checkout import configuration
from tests.end_to_end.otlp_receiver import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.otlp_receiver import Received

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
]

SERVER = """
import os
from opentelemetry import metrics
from otel_breaker import CircuitBreaker

breaker = CircuitBreaker("payments", failure_threshold=1)

def serve(calls):
    for _ in range(calls):
        breaker.call(int)
    metrics.get_meter_provider().force_flush()

serve(5)
for calls in (1, 2):
    worker = os.fork()
    if not worker:
        try:
            serve(calls)
        finally:
            os._exit(0)
    os.waitpid(worker, 0)
serve(1)
"""


@pytest.fixture(scope="module", params=["delta", "cumulative"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Received]]:
    with receiving() as received:
        environment = configuration.clean_environment() | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": request.param,
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        subprocess.run([instrument, sys.executable, "-c", SERVER], env=environment, check=True, timeout=60)
        yield request.param, received


def test_every_call_of_every_process_arrives_once(served: tuple[str, Received]) -> None:
    temporality, received = served
    exported = [
        point.value
        for point in sorted(received.points, key=lambda point: point.time)
        if (point.metric, point.attributes.get("circuit_breaker.call.outcome")) == ("circuit_breaker.calls", "success")
    ]

    # The last one is exported when the server exits.
    assert exported == ([5, 1, 2, 1, 0] if temporality == "delta" else [5, 1, 2, 6, 6])


def test_no_count_goes_below_zero_in_a_worker(served: tuple[str, Received]) -> None:
    _, received = served

    assert {point.metric for point in received.points} >= {"circuit_breaker.state.time", "circuit_breaker.probes"}
    assert all(point.value >= 0 for point in received.points if point.kind == "counter")
