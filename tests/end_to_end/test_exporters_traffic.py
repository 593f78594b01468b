"""The exporters use the same HTTP client as the application: what is guarded there is the application's calls alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.instrumented import NOBODY, run
from tests.end_to_end.otlp_receiver import GRPC, HTTP, receiving
from tests.end_to_end.programs.traffic import REQUESTS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

CONFIGURATION = """
breakers:
  session: {failure_threshold: 1}
  pool: {failure_threshold: 1}
targets:
  - function: requests.sessions:Session.send
    breaker: session
  - function: urllib3.connectionpool:HTTPConnectionPool.urlopen
    breaker: pool
"""


@pytest.fixture
def more(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "breakers.yaml"
    file.write_text(CONFIGURATION)
    return {"OTEL_BREAKER_CONFIG_FILE": str(file)}


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_what_exporters_send_makes_no_guarded_call_and_no_span(more: dict[str, str], protocol: str) -> None:
    more["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
    with receiving(protocol) as received:
        printed = run("traffic", endpoint=received.url, more=more)

    names = [span.name for span in received.spans if span.scope == "otel_breaker"]
    assert received.points
    assert printed.splitlines() == [f"{name} closed {REQUESTS} {REQUESTS}" for name in ("pool", "session")]
    assert sorted(names) == ["circuit_breaker pool"] * REQUESTS + ["circuit_breaker session"] * REQUESTS


def test_exporters_that_find_no_collector_open_no_circuit_of_the_application(more: dict[str, str]) -> None:
    printed = run("traffic", endpoint=NOBODY, more=more)

    assert printed.splitlines() == [f"{name} closed {REQUESTS} {REQUESTS}" for name in ("pool", "session")]
