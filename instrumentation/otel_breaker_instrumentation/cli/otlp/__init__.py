"""Reads exported telemetry: OTLP in JSON lines, as the SDK's and the Collector's file exporters write it.

Constant memory but for the line at hand. Lines of all signals may be mixed; a file may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker_instrumentation.cli.otlp.parse import parse
from otel_breaker_instrumentation.cli.otlp.records import Attributes, Event, Link, Log, Origin, Point, Record, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["Attributes", "Broken", "Event", "Link", "Log", "Origin", "Point", "Record", "Span", "read"]

_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Broken:
    """A line that was skipped."""

    file: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def read(
    files: Iterable[Path],
    *,
    broken: Callable[[Broken], None],
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Record]:
    """Read files one after the other, and each line whole or not at all.

    Args:
        files: what to read.
        broken: told of each line that is skipped.
        progress: told how many bytes more have been read, after each line; of a compressed file, bytes of the file.

    Raises:
        OSError: when a file cannot be opened or read.
    """
    for file in files:
        yield from _read(file, broken, progress)


def _read(file: Path, broken: Callable[[Broken], None], progress: Callable[[int], None]) -> Iterator[Record]:
    number = told = 0
    with file.open("rb") as raw:
        lines = gzip.GzipFile(fileobj=raw) if raw.peek(len(_GZIP)).startswith(_GZIP) else raw
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        records = parse(line)
                    except ValueError as error:
                        broken(Broken(file, number, str(error)))
                    else:
                        yield from records
                position = raw.tell()
                progress(position - told)
                told = position
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            broken(Broken(file, number + 1, f"the rest cannot be uncompressed: {error}"))
