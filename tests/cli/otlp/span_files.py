"""Files of spans: their lines, and what is read of them."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.otlp import SkippedPart, Span, TelemetryRecord, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def span_line(name: str) -> bytes:
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": name, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


def fail(part: SkippedPart) -> None:
    pytest.fail(str(part))


def names(records: list[TelemetryRecord]) -> list[str]:
    return [record.name for record in records if isinstance(record, Span)]


def peak_of(file: Path, on_skip: Callable[[SkippedPart], None]) -> int:
    """The peak of memory while a file is read, in bytes."""
    tracemalloc.start()
    try:
        for _ in read([file], on_skip=on_skip):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
