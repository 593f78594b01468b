"""The files of the schema, parsed and otherwise unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "otel_breaker" / "telemetry" / "semconv"
GROUPS: list[dict[str, Any]] = [
    group
    for file in sorted(FOLDER.glob("*.yaml"))
    if file.name != "manifest.yaml"
    for group in yaml.safe_load(file.read_text())["groups"]
]
