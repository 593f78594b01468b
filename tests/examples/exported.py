"""The records of one exported file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker_cli.otlp import DataPoint, SkippedPart, Span, read

if TYPE_CHECKING:
    from pathlib import Path


def spans(file: Path) -> list[Span]:
    return [record for record in read([file], on_skip=_fail) if isinstance(record, Span)]


def points(file: Path) -> list[DataPoint]:
    return [record for record in read([file], on_skip=_fail) if isinstance(record, DataPoint)]


def _fail(part: SkippedPart) -> None:
    raise ValueError(str(part))
