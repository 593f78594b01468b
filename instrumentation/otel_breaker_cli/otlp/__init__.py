"""Reads exported telemetry: OTLP in JSON, as lines, documents or arrays, of all signals, also compressed with gzip.

What the SDK's and the Collector's file exporters write, and what people make of it. `lines` bounds, `documents` finds,
`parse` understands. Memory holds one document, whatever the size of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from otel_breaker_cli.otlp.documents import DocumentAssembler
from otel_breaker_cli.otlp.fields import FieldError
from otel_breaker_cli.otlp.lines import TruncatedFile, lines_of
from otel_breaker_cli.otlp.parse import parse
from otel_breaker_cli.otlp.records import (
    Attributes,
    DataPoint,
    Event,
    Link,
    LogRecord,
    Span,
    TelemetryRecord,
    TelemetrySource,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = [
    "Attributes",
    "DataPoint",
    "Event",
    "Link",
    "LogRecord",
    "SkippedPart",
    "Span",
    "TelemetryRecord",
    "TelemetrySource",
    "read",
]


@dataclass(frozen=True)
class SkippedPart:
    """What was skipped: a line, a document, or a record in it."""

    file: Path
    line: int
    """Where the document begins, or where it is no JSON."""
    problem: str
    """With the path, where only a part of the document was skipped."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def read(
    files: Iterable[Path],
    *,
    on_skip: Callable[[SkippedPart], None],
    on_progress: Callable[[int], None] = lambda _: None,
    on_document: Callable[[], None] = lambda: None,
) -> Iterator[TelemetryRecord]:
    """Read files one after the other, and each record whole or not at all.

    Args:
        files: what to read.
        on_skip: told of whatever is skipped.
        on_progress: told how many bytes more have been read, after each line; of a compressed file, bytes of the file.
        on_document: told of each document that is OTLP, whatever is in it.

    Raises:
        OSError: when a file cannot be opened or read.
    """
    for file in files:
        yield from _read(file, partial(_tell, on_skip, file), on_progress, on_document)


def _tell(broken: Callable[[SkippedPart], None], file: Path, line: int, problem: str) -> None:
    broken(SkippedPart(file, line, problem))


def _read(
    file: Path,
    broken: Callable[[int, str], None],
    progress: Callable[[int], None],
    understood: Callable[[], None],
) -> Iterator[TelemetryRecord]:
    documents = DocumentAssembler(broken)
    number = 0
    try:
        for number, line in lines_of(file, progress):
            for first, document in documents.add_line(number, line):
                yield from _records(first, document, broken, understood)
    except TruncatedFile as reason:
        broken(number + 1, str(reason))
    documents.finish()


def _records(
    line: int, document: object, broken: Callable[[int, str], None], understood: Callable[[], None]
) -> Iterator[TelemetryRecord]:
    def skipped(misfit: FieldError) -> None:
        broken(line, str(misfit))

    try:
        yield from parse(document, skipped)
    except FieldError as misfit:
        skipped(misfit)
    else:
        understood()
