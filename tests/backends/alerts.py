"""Each alert of the rules, live: pending, firing during an outage and resolved after it.

Prometheus runs the rules with each minute a second, see `quicker`.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from examples.checkout import configuration
from examples.checkout.processes import running
from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.servers import RULES

RESOLVING = 45.0  # the longest window is a quarter of an hour, and so 15 s here


@contextmanager
def alarming(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program meanwhile that sets off the alerts which one outage does not."""
    environment = configuration.clean_environment() | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_SERVICE_NAME": "alarming",
    }
    command = [sys.executable, "-m", "tests.backends.alarming"]
    with running("alarming program", command, folder / "alarming.log", environment) as child:
        yield child.process


def checks(url: str) -> Iterator[Answer]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                yield _lived(url, rule["alert"], waits="for" in rule)


def _lived(url: str, alert: str, *, waits: bool) -> Answer:
    """That it has been firing, was pending before if it waits, and is not firing any more."""

    def seen(state: str) -> set[str]:
        query = f'count_over_time(ALERTS{{alertname="{alert}", alertstate="{state}"}}[10m])'
        return set(ask.by_label(ask.prometheus(url, query), "job", "circuit_breaker_name"))

    fired, pending = seen("firing"), seen("pending")
    query = f'ALERTS{{alertname="{alert}"}}'
    still = ask.eventually(lambda: ask.prometheus(url, query), lambda found: not found, RESOLVING)
    states = f"{'pending, ' if pending else ''}{'firing, ' if fired else ''}{'still there' if still else 'resolved'}"
    holds = bool(fired) and (bool(pending) or not waits) and not still
    return Answer(f"{alert} fires and resolves", "prometheus", query, f"{', '.join(sorted(fired))}: {states}", holds)
