"""Checks the Collector's files alone: each is valid, and the smallest one prints what arrives."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.checkout import configuration
from examples.checkout.processes import DemoFailed
from tests.backends.check_results import CheckResult
from tests.backends.programs import binary, named
from tests.backends.servers import SETTINGS, Collector

ROOT = Path(__file__).parents[2]
GATEWAY = SETTINGS / "gateway.yaml"
OVERLAYS = tuple(SETTINGS / f"{name}.yaml" for name in ("tail-sampling", "spanmetrics", "events-to-metrics"))


def valid() -> Iterator[CheckResult]:
    for files in ([SETTINGS / "minimal.yaml"], [GATEWAY], *([GATEWAY, overlay] for overlay in OVERLAYS)):
        names = " ".join(f"--config {file.relative_to(ROOT)}" for file in files)
        done = _run("otelcol", "validate", *(f"--config={file}" for file in files))
        yield _result(f"{files[-1].name} is valid", "otelcol", f"otelcol validate {names}", done)
    settings = SETTINGS / "prometheus" / "prometheus.yaml"
    done = _run("promtool", "check", "config", str(settings))
    query = f"promtool check config {settings.relative_to(ROOT)}"
    yield _result("prometheus.yaml is valid", "promtool", query, done)


def minimal(folder: Path) -> Iterator[CheckResult]:
    """Send a few calls through the smallest file, and check the output of the Collector."""
    collector = Collector("minimal", folder, [SETTINGS / "minimal.yaml"], None)
    with collector.running():
        traffic(collector.url, 60, range(20, 30), {})
    printed = collector.log.read_text(errors="replace")
    for signal, text in (
        ("span", "circuit_breaker inventory"),
        ("metric", "-> Name: circuit_breaker.calls"),
        ("log event", "EventName: circuit_breaker.state_change"),
    ):
        count = printed.count(text)
        yield CheckResult(
            f"minimal.yaml prints each {signal}", "otelcol", f"grep '{text}'", f"{count} times", holds=count > 0
        )


def traffic(url: str, calls: int, outage: range, variables: dict[str, str]) -> dict[str, Any]:
    """Run the program `traffic` against a Collector; returns the calls and spans that it recorded itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.backends.traffic", str(calls), str(outage.start), str(outage.stop)],
        cwd=ROOT,
        env=configuration.clean_environment() | {"OTEL_EXPORTER_OTLP_ENDPOINT": url} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise DemoFailed(f"The traffic failed: {done.stderr}")
    truth: dict[str, Any] = json.loads(done.stdout)
    return truth


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = configuration.clean_environment() | {"KEPT_FILE": "kept.jsonl"}
    return subprocess.run(
        [str(binary(named(name))), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def _result(claim: str, program: str, query: str, done: subprocess.CompletedProcess[str]) -> CheckResult:
    answer = "accepted" if not done.returncode else (done.stderr or done.stdout).strip()[-400:]
    return CheckResult(claim, program, query, answer, holds=not done.returncode)
