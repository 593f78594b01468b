"""A file as its lines, uncompressed where it is compressed, with a bound on each and on all of them together.

Nothing here knows what a line holds.
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

LONGEST: Final = 16 * 2**20
"""Bytes of a line; a Collector's batch of 8,192 spans is smaller, and JSON takes thirty times its size at worst."""
_GZIP: Final = b"\x1f\x8b"
_MOST_TIMES: Final = 256
"""Telemetry becomes ten to fifty times smaller, and nothing more than a thousand times."""
_UNSUSPICIOUS: Final = 2 * LONGEST
"""Bytes that are uncompressed before anybody asks how many times they are."""


class TruncatedFile(Exception):
    """The rest of the file is not to be had; the text says why."""


def lines_of(file: Path, progress: Callable[[int], None]) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a file, numbered from 1; None in place of one that is longer than `LONGEST`.

    Args:
        file: what to read, compressed with gzip or not.
        progress: told how many bytes more of the file have been read, after each line.

    Raises:
        OSError: when the file cannot be opened or read.
        CutShort: when the rest cannot be uncompressed, or is suspiciously large.
    """
    told = number = 0
    with file.open("rb", buffering=0) as raw:
        counted = _Counted(raw)
        plain = io.BufferedReader(counted)
        is_compressed = plain.peek(len(_GZIP)).startswith(_GZIP)
        unpacked = gzip.GzipFile(fileobj=plain) if is_compressed else plain
        try:
            size = 0
            while line := unpacked.readline(LONGEST + 1):
                number += 1
                is_whole = len(line) <= LONGEST
                yield number, line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"") if is_whole else None
                size += len(line)
                while not is_whole and line and not line.endswith(b"\n"):
                    line = unpacked.readline(LONGEST)
                    size += len(line)
                    _check(size, counted.count)
                _check(size, counted.count)
                progress(counted.count - told)
                told = counted.count
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TruncatedFile(f"the rest cannot be uncompressed: {error}") from error


def _check(size: int, packed: int) -> None:
    if size > _UNSUSPICIOUS + _MOST_TIMES * packed:
        raise TruncatedFile(
            f"the rest is not read: it becomes more than {_MOST_TIMES} times as large when uncompressed"
        )


class _Counted(io.RawIOBase):
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
