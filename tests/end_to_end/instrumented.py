"""Small programs of programs/, each run to its end under `opentelemetry-instrument`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from examples.checkout import configuration
from tests.end_to_end.otlp_receiver import HTTP

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"
"""Where no Collector listens."""


def environment(endpoint: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of such a program: a quick exporter to this endpoint."""
    return configuration.clean_environment() | {
        "PYTHONPATH": str(ROOT),
        "OTEL_EXPORTER_OTLP_PROTOCOL": HTTP,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        **(more or {}),
    }


def command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("opentelemetry-instrument")), *arguments]


def run(program: str, *arguments: str, endpoint: str = NOBODY, more: Mapping[str, str] | None = None) -> str:
    """What a program prints; it must end with status 0."""
    done = subprocess.run(
        command(sys.executable, "-m", f"tests.end_to_end.programs.{program}", *arguments),
        env=environment(endpoint, more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
