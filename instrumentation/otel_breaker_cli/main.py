"""Finds the subcommand and runs it. How every subcommand fails is defined here; what it does, in its own module."""

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
EXIT_FAILED: Final = 2
"""The exit status of a command that cannot run; argparse uses the same."""
_EXIT_INTERRUPTED: Final = 130


COMMANDS: Final = {
    "incident": "show what happened to every circuit, from exported telemetry",
    "telemetry-check": "check exported telemetry against the schema",
    "check": "report everything that is wrong with a configuration file",
    "targets": "list the functions of a module that can be guarded, by their names in a configuration",
    "schema": "print the JSON Schema of the configuration file, for editors",
}
"""The subcommands in the order of the help, each with its summary, which is here since its module may need a library
that is not installed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; those of the process when None.

    Returns:
        The exit status: 0 without a finding, 1 with findings, 2 when the command cannot run.

    Raises:
        SystemExit: from argparse, for `--help` and for unknown arguments.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in telemetry and code may be in any alphabet
    try:
        arguments = _parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except CommandFailed as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of the pipe has closed it; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return status


def _parser(argv: Sequence[str]) -> ArgumentParser:
    parser = ArgumentParser(PROGRAM, description="Inspects circuit breakers from outside the application.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((argument for argument in argv if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name == chosen:
            command = _load(name)
            subparser.description = command.description
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    return parser


def _load(name: str) -> Command:
    command: Command = import_module(f"{__package__}.{name.replace('-', '_')}").COMMAND
    return command
