"""Reads exported telemetry: OTLP in JSON, as lines, documents or arrays, of all signals, also compressed with gzip.

The SDK's and the Collector's file exporters write it, and people reformat it. `lines` bounds a file, `documents` finds
its JSON documents, `parse` makes records of them. Memory holds one document, however large the file is.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """A line, a document, or a record in it that was skipped."""

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
        files: the files to read.
        on_skip: called with each part that is skipped.
        on_progress: called after each line with the bytes of the file read since the last call; of a compressed file,
            compressed bytes.
        on_document: called after each document that is OTLP, even one without records.

    Raises:
        OSError: when a file cannot be opened or read.
    """
    for file in files:
        yield from _read(file, _with_file(file, on_skip), on_progress, on_document)


def _with_file(file: Path, on_skip: Callable[[SkippedPart], None]) -> Callable[[int, str], None]:
    return lambda line, problem: on_skip(SkippedPart(file, line, problem))


def _read(
    file: Path,
    on_skip: Callable[[int, str], None],
    on_progress: Callable[[int], None],
    on_document: Callable[[], None],
) -> Iterator[TelemetryRecord]:
    assembler = DocumentAssembler(on_skip)
    number = 0
    try:
        for number, line in lines_of(file, on_progress):
            for first, document in assembler.add_line(number, line):
                yield from _records(first, document, on_skip, on_document)
    except TruncatedFile as reason:
        on_skip(number + 1, str(reason))
    assembler.finish()


def _records(
    line: int, document: object, on_skip: Callable[[int, str], None], on_document: Callable[[], None]
) -> Iterator[TelemetryRecord]:
    def skip(error: FieldError) -> None:
        on_skip(line, str(error))

    try:
        yield from parse(document, skip)
    except FieldError as error:
        skip(error)
    else:
        on_document()
