"""`otel-breaker telemetry-check`: checks exported telemetry of breakers against the schema.

`live_check` compares records with the schema; this module is the command.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

from otel_breaker.telemetry.names import SCOPE
from otel_breaker_cli.command import Command, CommandFailed
from otel_breaker_cli.input_files import add_files, open_files
from otel_breaker_cli.semconv_registry import load
from otel_breaker_cli.telemetry_check.live_check import LiveCheck

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> int:
    """Check files, and print each kind of violation once.

    Args:
        arguments: with `files`, the paths to check.

    Returns:
        1 when there is a violation, otherwise 0.

    Raises:
        CommandFailed: when a file cannot be read, or the files hold no telemetry of breakers.
    """
    live_check = LiveCheck(load())
    with open_files(arguments.files, Console(stderr=True)) as files:
        for record in files:
            live_check.check(record)
    if not live_check.checked:
        raise CommandFailed(f"there is no telemetry of the scope {SCOPE} in it")
    violations = live_check.violations
    for violation in violations:
        sys.stdout.write(f"{violation}\n")
    sys.stdout.write(f"violations: {len(violations)}, in {live_check.checked} spans, log records and metric points\n")
    return 1 if violations else 0


COMMAND: Final = Command(
    "Reports every name, type, value, unit and instrument of the breakers' telemetry that the schema does not have, and"
    " what is missing in it. Telemetry of other scopes is ignored. Exits with 1 when there is a violation.",
    add_files,
    run,
)
