"""The telemetry files of a command: its argument, a progress bar, and reports of skipped parts.

Bar and reports go to standard error, so that the output of the command can be piped.
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
_MAX_REPORTS: Final = 10
_ENDINGS: Final = tuple(f".{name}{packed}" for name in ("json", "jsonl", "ndjson") for packed in ("", ".gz"))
"""Of the files of a folder that are read."""


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
    """The records of files, which may be read more than once. `open_files` makes it.

    Args:
        files: the files to read.
        names: the name to report instead of a file's path, by path.
        errors: the console for the progress bar, if it is a terminal, and for the reports of skipped parts.
    """

    def __init__(self, files: Iterable[Path], names: dict[Path, Path], errors: Console) -> None:
        self._files = tuple(files)
        self._errors = errors
        self._skip_reporter = _SkipReporter(names, errors)
        self._documents = 0

    def __iter__(self) -> Iterator[TelemetryRecord]:
        """Read all files.

        Raises:
            CommandFailed: when a file cannot be read, or none holds telemetry.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with _one_line_failure():
            total = sum(file.stat().st_size for file in self._files)
            with Progress(
                *columns, console=self._errors, transient=True, disable=not self._errors.is_terminal
            ) as progress:
                task = progress.add_task("reading", total=total)
                yield from read(
                    self._files,
                    on_skip=self._skip_reporter.report,
                    on_progress=partial(progress.advance, task),
                    on_document=self._count_document,
                )
        self._skip_reporter.summarize()
        if not self._documents:
            raise CommandFailed("there is no telemetry in it: it should be OTLP in JSON")

    def _count_document(self) -> None:
        self._documents += 1


@contextmanager
def open_files(paths: Iterable[Path], errors: Console) -> Iterator[InputFiles]:
    """Find the files of paths: files, all telemetry files of folders, and standard input; each is read once.

    Args:
        paths: the paths of the command line.
        errors: the console for progress and reports.

    Raises:
        CommandFailed: when a path is no file, or a folder has none.
    """
    with TemporaryDirectory(prefix="otel-breaker-") as folder:
        piped = Path(folder) / "input"
        files: dict[Path, Path] = {}
        with _one_line_failure():
            for path in paths:
                for file in [_stored_input(piped)] if path == STANDARD else _files_of(path):
                    files.setdefault(file.resolve(), file)
        yield InputFiles(files.values(), {piped: STANDARD}, errors)


@contextmanager
def _one_line_failure() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Anybody may have named the files of a folder.
        raise CommandFailed(printable(f"{error.filename or STANDARD}: {error.strerror}")) from error


def _stored_input(file: Path) -> Path:
    """Standard input as a file: a pipe can be read only once, and a command may read twice."""
    if not file.exists():
        with file.open("wb") as stored:
            shutil.copyfileobj(sys.stdin.buffer, stored)
    return file


def _files_of(path: Path) -> list[Path]:
    """The file itself, or the telemetry files of a folder."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return [path]
    if not stat.S_ISDIR(mode):
        # Opening a pipe waits for a writer, perhaps for ever.
        raise CommandFailed(f"{path}: it is neither a file nor a folder; what is piped in is read from -")
    files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names if name.endswith(_ENDINGS)]
    if not files:
        raise CommandFailed(f"{path}: there is no file in it that ends in {', '.join(_ENDINGS)}")
    return sorted(file for file in files if file.is_file())


class _SkipReporter:
    """Reports skipped parts while files are read for the first time: the first few, and the number of all."""

    def __init__(self, names: dict[Path, Path], errors: Console) -> None:
        self._names = names
        self._errors = errors
        self._count = 0
        self._is_done = False

    def report(self, part: SkippedPart) -> None:
        if self._is_done:
            return
        self._count += 1
        if self._count <= _MAX_REPORTS:
            self._print(f"{replace(part, file=self._names.get(part.file, part.file))} (skipped)")

    def summarize(self) -> None:
        if self._count > _MAX_REPORTS and not self._is_done:
            self._print(f"{self._count:,} parts were skipped in all")
        self._is_done = True

    def _print(self, text: str) -> None:
        self._errors.print(printable(text), markup=False, highlight=False, soft_wrap=True)
