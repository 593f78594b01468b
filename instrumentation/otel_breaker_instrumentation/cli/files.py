"""The files that a command is given: the argument, a progress bar while they are read, and a word on broken lines.

All of that goes to standard error, so that what the command prints can be piped.
"""

from __future__ import annotations

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


def records(files: Sequence[Path], errors: Console) -> Iterator[Record]:
    """Read files, each once, however often it is named.

    Args:
        files: what to read.
        errors: where the progress bar goes, if that is a terminal, and what is said of broken lines.

    Raises:
        CommandFailed: when a file cannot be read.
    """
    complaints = _Complaints(errors)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        distinct = list({file.resolve(): file for file in files}.values())
        total = sum(file.stat().st_size for file in distinct)
        with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
            task = progress.add_task("reading", total=total)
            yield from read(distinct, broken=complaints.hear, progress=lambda size: progress.advance(task, size))
    except OSError as error:
        raise CommandFailed(f"{error.filename}: {error.strerror}") from error
    complaints.sum_up()


class _Complaints:
    """Says what is broken, and stops repeating itself where everything is."""

    def __init__(self, errors: Console) -> None:
        self._errors = errors
        self._count = 0

    def hear(self, broken: Broken) -> None:
        self._count += 1
        if self._count <= _MOST_COMPLAINTS:
            self._say(f"{broken} (skipped)")

    def sum_up(self) -> None:
        if self._count > _MOST_COMPLAINTS:
            self._say(f"{self._count} lines were skipped in all")

    def _say(self, text: str) -> None:
        self._errors.print(text, markup=False, highlight=False, soft_wrap=True)
