"""The files that a command is given: the argument, a progress bar while they are read, and a word on what is skipped.

All of that goes to standard error, so that what the command prints can be piped.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from otel_breaker.text import printable
from otel_breaker_cli.command import CommandFailed
from otel_breaker_cli.otlp import SkippedPart, TelemetryRecord, read

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Iterator

    from rich.console import Console

STANDARD: Final = Path("-")
"""Standard input, or output."""
_MOST_COMPLAINTS: Final = 10
_ENDINGS: Final = tuple(f".{name}{packed}" for name in ("json", "jsonl", "ndjson") for packed in ("", ".gz"))
"""Of the files that are read in a folder."""


def add_files(parser: ArgumentParser) -> None:
    """Add the argument `files`."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="OTLP in JSON, of any signals, as lines, documents or arrays, also compressed with gzip: what the file "
        "exporters write; a folder is read with all that is in it, and `-` is standard input",
    )


class InputFiles:
    """The records of files; they may be read more than once. `opened` makes it.

    Args:
        files: what to read.
        names: what the user calls a file, where that is not its path.
        errors: where the progress bar goes, if that is a terminal, and what is said of what is skipped, once.
    """

    def __init__(self, files: Iterable[Path], names: dict[Path, Path], errors: Console) -> None:
        self._files = tuple(files)
        self._errors = errors
        self._skips = _SkipReporter(names, errors)
        self._documents = 0

    def __iter__(self) -> Iterator[TelemetryRecord]:
        """Read them all.

        Raises:
            CommandFailed: when a file cannot be read, or there is no telemetry in any of them.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with _failing():
            total = sum(file.stat().st_size for file in self._files)
            with Progress(
                *columns, console=self._errors, transient=True, disable=not self._errors.is_terminal
            ) as progress:
                task = progress.add_task("reading", total=total)
                yield from read(
                    self._files,
                    on_skip=self._skips.report,
                    on_progress=partial(progress.advance, task),
                    on_document=self._count_document,
                )
        self._skips.summarize()
        if not self._documents:
            raise CommandFailed("there is no telemetry in it: it should be OTLP in JSON")

    def _count_document(self) -> None:
        self._documents += 1


@contextmanager
def open_files(given: Iterable[Path], errors: Console) -> Iterator[InputFiles]:
    """Find the files that are meant: each once, however often it is named, those in folders, and standard input.

    Raises:
        CommandFailed: when something is no file, or a folder has none.
    """
    with TemporaryDirectory(prefix="otel-breaker-") as folder:
        piped = Path(folder) / "input"
        found: dict[Path, Path] = {}
        with _failing():
            for path in given:
                for file in [_kept(piped)] if path == STANDARD else _within(path):
                    found.setdefault(file.resolve(), file)
        yield InputFiles(found.values(), {piped: STANDARD}, errors)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # A folder's files may be called whatever others called them.
        raise CommandFailed(printable(f"{error.filename or STANDARD}: {error.strerror}")) from error


def _kept(file: Path) -> Path:
    """Standard input as a file: what is piped can be read but once, and files are read twice."""
    if not file.exists():
        with file.open("wb") as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
    return file


def _within(path: Path) -> list[Path]:
    """The file, or those of a folder."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return [path]
    if not stat.S_ISDIR(mode):
        # Opening a pipe waits for whoever writes into it, if anybody ever does.
        raise CommandFailed(f"{path}: it is neither a file nor a folder; what is piped in is read from -")
    files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names if name.endswith(_ENDINGS)]
    if not files:
        raise CommandFailed(f"{path}: there is no file in it that ends in {', '.join(_ENDINGS)}")
    return sorted(file for file in files if file.is_file())


class _SkipReporter:
    """Says what is skipped, once, and stops repeating itself where everything is."""

    def __init__(self, names: dict[Path, Path], errors: Console) -> None:
        self._names = names
        self._errors = errors
        self._count = 0
        self._is_done = False

    def report(self, broken: SkippedPart) -> None:
        if self._is_done:
            return
        self._count += 1
        if self._count <= _MOST_COMPLAINTS:
            self._print(f"{replace(broken, file=self._names.get(broken.file, broken.file))} (skipped)")

    def summarize(self) -> None:
        if self._count > _MOST_COMPLAINTS and not self._is_done:
            self._print(f"{self._count:,} parts were skipped in all")
        self._is_done = True

    def _print(self, text: str) -> None:
        self._errors.print(printable(text), markup=False, highlight=False, soft_wrap=True)
