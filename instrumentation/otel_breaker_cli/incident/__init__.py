"""`otel-breaker incident`: what happened to every circuit, from exported telemetry.

`collect` builds a `model` of frozen records from telemetry. The views show it: `terminal` and `page`, in the same
`wording`. Nothing here draws conclusions that the files do not hold.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from otel_breaker_cli.command import Command, CommandFailed
from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.incident.page import page
from otel_breaker_cli.incident.symbols import symbols_for
from otel_breaker_cli.incident.terminal import answers, report, without_colours
from otel_breaker_cli.input_files import STANDARD, add_files, open_files

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from otel_breaker_cli.incident.model import Incident


def _add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument("--answers", action="store_true", help="answer the eleven questions of docs/oncall.md instead")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write one self-contained page instead; `-` is standard output"
    )


def _run(arguments: Namespace) -> int:
    with open_files(arguments.files, Console(stderr=True)) as files:
        incident = collect(files)
    if arguments.html == STANDARD:
        _write_to_standard_output(page(incident))
        return 0
    if arguments.html is not None:
        _write_to_file(arguments.html, page(incident))
    if arguments.answers or arguments.html is None:
        _show(incident, only_answers=arguments.answers)
    return 0


def _show(incident: Incident, *, only_answers: bool) -> None:
    console = Console(highlight=False)
    content = answers(incident) if only_answers else report(incident, symbols_for(console.encoding))
    if console.is_terminal:
        console.print(content)
    else:
        sys.stdout.write(without_colours(content))


def _write_to_file(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{file}: {error.strerror}") from error
    sys.stdout.write(f"wrote {file}\n")


def _write_to_standard_output(text: str) -> None:
    """Write UTF-8, which the page declares, and not the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


COMMAND = Command(
    "Reads OTLP in JSON and shows when and why each circuit opened, which request tripped it, how many calls "
    "were refused, how each probe ended and when it closed. Traces or logs are enough; both are better.",
    _add_arguments,
    _run,
)
