"""A program that a configuration guards, and the telemetry of its outage from OpenTelemetry's console exporters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAYMENTS = """
def charge():
    raise OSError("payments are down")
"""
APPLICATION = """
import logging
import sys
import zlib

from payments import charge

logging.getLogger("otel_breaker").addHandler(logging.StreamHandler(sys.stdout))
for _ in range(4):
    try:
        charge()
    except Exception as error:
        print(type(error).__name__)
zlib.adler32(b"")
"""
CONFIGURATION = """
defaults: {recovery_time: 30s}
breakers:
  payments: {failure_threshold: 3}
targets:
  - function: payments:charge
    breaker: payments
  - function: zlib:adler32
    breaker: checksums
telemetry: {duration_histogram: true}
"""
OPENED = ["OSError", "OSError", "OSError", "CircuitOpenError"]
SENTENCE = "circuit breaker 'payments': closed -> open (failure_threshold), failures: OSError=3, probing in 30 s"
LOGGED = [*OPENED[:2], SENTENCE, *OPENED[2:]]
"""The log lines where no pipeline takes log events."""
METRICS = {
    f"circuit_breaker.{name}"
    for name in (
        "call.duration",
        "calls",
        "probes",
        "state.time",
        "state_changes",
        "status",
        "targets",
        "trip_ratio",
    )
}


def write(folder: Path) -> None:
    for name, content in (("payments.py", PAYMENTS), ("app.py", APPLICATION), ("breakers.yaml", CONFIGURATION)):
        (folder / name).write_text(content)


def observations(printed: str, *, events: bool) -> Iterator[tuple[object, object]]:
    """Its output, each part with the expected one.

    Args:
        printed: the output of the program and of its console exporters.
        events: whether state changes are log events; otherwise they are log records of `logging`.
    """
    lines, exported = split_output(printed)
    yield (lines, OPENED if events else LOGGED)
    spans = [record for record in exported if "links" in record]
    yield ([span["name"] for span in spans], ["circuit_breaker payments"] * 4 + ["circuit_breaker checksums"])
    linked = [[link["context"]["span_id"] for link in span["links"]] for span in spans]
    yield (linked, [[], [], [], [spans[2]["context"]["span_id"]], []])
    bodies = [(record["body"], record["span_id"]) for record in exported if "severity_text" in record]
    yield (bodies, [(SENTENCE, spans[2]["context"]["span_id"])] if events else [])
    yield ({metric["name"] for metric in metrics_of(exported)}, METRICS)


def split_output(printed: str) -> tuple[list[str], list[Any]]:
    """The lines that a program printed itself, and the telemetry that the SDK's console exporters printed."""
    lines: list[str] = []
    exported: list[Any] = []
    while printed:
        if printed.startswith("{"):
            record, end = json.JSONDecoder().raw_decode(printed)
            exported.append(record)
            printed = printed[end:].lstrip()
        else:
            line, _, printed = printed.partition("\n")
            lines.append(line)
    return lines, exported


def metrics_of(exported: list[Any]) -> list[Any]:
    resources = [resource for record in exported for resource in record.get("resource_metrics", ())]
    scopes = [scope for resource in resources for scope in resource["scope_metrics"]]
    return [metric for scope in scopes if scope["scope"]["name"] == "otel_breaker" for metric in scope["metrics"]]
