"""Finds the subcommand and runs it. What a subcommand does is its own business; how all of them fail is here."""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser
from importlib import import_module
from typing import TYPE_CHECKING, Final

from otel_breaker.version import __version__
from otel_breaker_cli.command import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker_cli.command import Command

PROGRAM: Final = "otel-breaker"
CANNOT: Final = 2
"""The exit status of a command that could not look; argparse uses the same."""
_INTERRUPTED: Final = 130


COMMANDS: Final = {
    "incident": "show what happened to every circuit, from exported telemetry",
    "telemetry-check": "hold exported telemetry against the schema",
    "check": "say everything that is wrong with a configuration file",
    "targets": "list what in a module can be guarded, by the names to write into a configuration",
    "schema": "print the JSON Schema of the configuration file, for editors",
}
"""Every subcommand and a line on it, in the order of the help: here, since a module may need what is not installed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; those of the process when None.

    Returns:
        The exit status: 0, 1 when what was looked at is not well, 2 when the command could not look.

    Raises:
        SystemExit: from argparse, for `--help` and for arguments that it does not understand.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in telemetry and code may be in any alphabet
    try:
        arguments = _parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
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


def _parser(argv: Sequence[str]) -> ArgumentParser:
    parser = ArgumentParser(PROGRAM, description="Looks at circuit breakers from outside the application.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = next((argument for argument in argv if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        own = subparsers.add_parser(name, help=summary)
        if name == wanted:
            command = _load(name)
            own.description = command.description
            command.add_arguments(own)
            own.set_defaults(run=command.run)
    return parser


def _load(name: str) -> Command:
    command: Command = import_module(f"{__package__}.{name.replace('-', '_')}").COMMAND
    return command
