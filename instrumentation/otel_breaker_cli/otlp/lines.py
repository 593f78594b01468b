"""A file as its lines, uncompressed where it is compressed, with a bound on each line and on the whole file.

What a line holds is not known here.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

MAX_BYTES: Final = 16 * 2**20
"""Bytes of a line; a Collector's batch of 8,192 spans is smaller, and JSON takes thirty times its size at worst."""
_GZIP: Final = b"\x1f\x8b"
_MAX_RATIO: Final = 256
"""How many times its compressed size a file may become: telemetry compresses ten to fifty times, and gzip compresses
at most a thousand times."""
_UNCHECKED_BYTES: Final = 2 * MAX_BYTES
"""Uncompressed bytes that are read before the ratio is checked."""


class TruncatedFile(Exception):
    """The rest of the file cannot be read; the text is the reason."""


def lines_of(file: Path, on_progress: Callable[[int], None]) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file, numbered from 1; None in place of one that is longer than `MAX_BYTES`.

    Args:
        file: the file to read, compressed with gzip or not.
        on_progress: called after each line with the bytes of the file read since the last call.

    Raises:
        OSError: when the file cannot be opened or read.
        TruncatedFile: when the rest cannot be uncompressed, or is suspiciously large.
    """
    reported = number = 0
    with file.open("rb", buffering=0) as raw:
        counted = _CountedFile(raw)
        buffered = io.BufferedReader(counted)
        is_compressed = buffered.peek(len(_GZIP)).startswith(_GZIP)
        content = gzip.GzipFile(fileobj=buffered) if is_compressed else buffered
        try:
            size = 0
            while line := content.readline(MAX_BYTES + 1):
                number += 1
                is_whole = len(line) <= MAX_BYTES
                yield number, line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"") if is_whole else None
                size += len(line)
                while not is_whole and line and not line.endswith(b"\n"):
                    line = content.readline(MAX_BYTES)
                    size += len(line)
                    _check_ratio(size, counted.count)
                _check_ratio(size, counted.count)
                on_progress(counted.count - reported)
                reported = counted.count
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TruncatedFile(f"the rest cannot be uncompressed: {error}") from error


def _check_ratio(size: int, compressed: int) -> None:
    if size > _UNCHECKED_BYTES + _MAX_RATIO * compressed:
        raise TruncatedFile(f"the rest is not read: it becomes more than {_MAX_RATIO} times as large when uncompressed")


class _CountedFile(io.RawIOBase):
    """Counts the bytes that are read through it."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        count = self._raw.readinto(buffer)
        self.count += count or 0
        return count
