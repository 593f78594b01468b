"""Checks each alert of the rules: pending, firing during an outage and resolved after it.

Prometheus runs scaled rules, in which a minute is a second; see `scaled_rules`.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from examples.checkout import configuration
from examples.checkout.processes import running
from tests.backends import queries
from tests.backends.check_results import CheckResult
from tests.backends.servers import RULES

RESOLVING = 45.0  # the longest window is a quarter of an hour, and so 15 s here


@contextmanager
def alarming(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that causes the alerts which the outage of the demo does not."""
    environment = configuration.clean_environment() | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_SERVICE_NAME": "alarming",
    }
    command = [sys.executable, "-m", "tests.backends.alerting_program"]
    with running("alarming program", command, folder / "alarming.log", environment) as child:
        yield child.process


def checks(url: str) -> Iterator[CheckResult]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                yield _lifecycle(url, rule["alert"], waits="for" in rule)


def _lifecycle(url: str, alert: str, *, waits: bool) -> CheckResult:
    """Whether it fired, was pending before if it waits, and is resolved."""

    def seen(state: str) -> set[str]:
        query = f'count_over_time(ALERTS{{alertname="{alert}", alertstate="{state}"}}[10m])'
        return set(queries.by_label(queries.prometheus(url, query), "job", "circuit_breaker_name"))

    fired, pending = seen("firing"), seen("pending")
    query = f'ALERTS{{alertname="{alert}"}}'
    still = queries.eventually(lambda: queries.prometheus(url, query), lambda found: not found, RESOLVING)
    states = f"{'pending, ' if pending else ''}{'firing, ' if fired else ''}{'still there' if still else 'resolved'}"
    holds = bool(fired) and (bool(pending) or not waits) and not still
    return CheckResult(
        f"{alert} fires and resolves", "prometheus", query, f"{', '.join(sorted(fired))}: {states}", holds
    )
