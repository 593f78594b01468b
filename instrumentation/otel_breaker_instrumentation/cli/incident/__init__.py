"""`otel-breaker incident`: what happened to every circuit, from exported telemetry.

Reading (`collect`) makes a model of plain records (`model`), which is shown in the terminal (`terminal`) or as a page
(`page`); both say things in the same `words`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from otel_breaker_instrumentation.cli.command import Command, CommandFailed
from otel_breaker_instrumentation.cli.files import Files, add_files
from otel_breaker_instrumentation.cli.incident.collect import collect
from otel_breaker_instrumentation.cli.incident.page import page
from otel_breaker_instrumentation.cli.incident.terminal import answers, report

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument("--answers", action="store_true", help="answer the ten questions of docs/oncall.md instead")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page instead")


def _run(arguments: Namespace) -> int:
    console, errors = Console(highlight=False), Console(stderr=True)
    incident = collect(Files(arguments.files, errors))
    if arguments.html is not None:
        try:
            arguments.html.write_text(page(incident), encoding="utf-8")
        except OSError as error:
            raise CommandFailed(f"{arguments.html}: {error.strerror}") from error
        console.print(f"wrote {arguments.html}", markup=False, soft_wrap=True)
    if arguments.answers:
        console.print(answers(incident))
    elif arguments.html is None:
        console.print(report(incident))
    return 0


COMMAND = Command(
    "Reads OTLP in JSON lines and shows when and why each circuit opened, which request tripped it, how many calls "
    "were refused, how each probe ended and when it closed. Traces or logs are enough; both are better.",
    _add_arguments,
    _run,
)
