"""Finds the subcommand and runs it. What a subcommand does is its own business; how all of them fail is here."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Final

from otel_breaker.version import __version__
from otel_breaker_instrumentation.cli.command import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker_instrumentation.cli.command import Command

PROGRAM: Final = "otel-breaker"
CANNOT: Final = 2
"""The exit status of a command that could not look; argparse uses the same."""
_INTERRUPTED: Final = 130


def _commands() -> tuple[Command, ...]:
    """Every subcommand, in the order of the help."""
    # Not before anybody asks for a command.
    from otel_breaker_instrumentation.cli import check, incident, schema, targets, telemetry_check  # noqa: PLC0415  # as above

    return (incident.COMMAND, telemetry_check.COMMAND, check.COMMAND, targets.COMMAND, schema.COMMAND)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; those of the process when None.

    Returns:
        The exit status: 0, 1 when what was looked at is not well, 2 when the command could not look.

    Raises:
        SystemExit: from argparse, for `--help` and for arguments that it does not understand.
    """
    try:
        arguments = _parser(_commands()).parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except CommandFailed as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return CANNOT
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to flush the rest of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _parser(commands: Sequence[Command]) -> ArgumentParser:
    parser = ArgumentParser(PROGRAM, description="Looks at circuit breakers from outside the application.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        own = subparsers.add_parser(command.name, help=command.summary, description=command.description)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser
