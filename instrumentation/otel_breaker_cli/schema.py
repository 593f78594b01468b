"""`otel-breaker schema`: prints the JSON Schema of the configuration file, for editors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from otel_breaker_cli.command import Command
from otel_breaker_cli.json_schema import shipped

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    pass


def _run(arguments: Namespace) -> int:  # noqa: ARG001  # every command takes them
    sys.stdout.write(shipped())
    return 0


COMMAND = Command(
    "Prints the JSON Schema of the configuration file. Put it beside the file, and let the file's first line say "
    "`# yaml-language-server: $schema=breakers.schema.json`.",
    _add_arguments,
    _run,
)
