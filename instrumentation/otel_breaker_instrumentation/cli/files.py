"""The files that a command is given: the argument, a progress bar while they are read, and a word on broken lines.

All of that goes to standard error, so that what the command prints can be piped.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from otel_breaker_instrumentation.cli.command import CommandFailed
from otel_breaker_instrumentation.cli.otlp import Broken, Record, read

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Sequence

    from rich.console import Console

_MOST_COMPLAINTS: Final = 10


def add_files(parser: ArgumentParser) -> None:
    """Add the argument `files`."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="OTLP in JSON lines, of any signals, also compressed with gzip: what the file exporters write",
    )


class Files:
    """The records of files, each file once, however often it is named; they may be read more than once.

    Args:
        files: what to read.
        errors: where the progress bar goes, if that is a terminal, and what is said of broken lines, once.
    """

    def __init__(self, files: Sequence[Path], errors: Console) -> None:
        self._files = list({file.resolve(): file for file in files}.values())
        self._errors = errors
        self._complaints = _Complaints(errors)

    def __iter__(self) -> Iterator[Record]:
        """Read them all.

        Raises:
            CommandFailed: when a file cannot be read.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        try:
            total = sum(file.stat().st_size for file in self._files)
            with Progress(
                *columns, console=self._errors, transient=True, disable=not self._errors.is_terminal
            ) as progress:
                task = progress.add_task("reading", total=total)
                advance = partial(progress.advance, task)
                yield from read(self._files, broken=self._complaints.hear, progress=advance)
        except OSError as error:
            raise CommandFailed(f"{error.filename}: {error.strerror}") from error
        self._complaints.sum_up()


def records(files: Sequence[Path], errors: Console) -> Iterator[Record]:
    """Read files once, as `Files` does."""
    return iter(Files(files, errors))


class _Complaints:
    """Says what is broken, once, and stops repeating itself where everything is."""

    def __init__(self, errors: Console) -> None:
        self._errors = errors
        self._count = 0
        self._is_done = False

    def hear(self, broken: Broken) -> None:
        if self._is_done:
            return
        self._count += 1
        if self._count <= _MOST_COMPLAINTS:
            self._say(f"{broken} (skipped)")

    def sum_up(self) -> None:
        if self._count > _MOST_COMPLAINTS and not self._is_done:
            self._say(f"{self._count} lines were skipped in all")
        self._is_done = True

    def _say(self, text: str) -> None:
        self._errors.print(text, markup=False, highlight=False, soft_wrap=True)
