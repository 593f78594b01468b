"""Imports the application's own modules, for the commands that inspect its code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from otel_breaker.text import printable
from otel_breaker_cli.command import CommandFailed

if TYPE_CHECKING:
    from types import ModuleType


def add_current_folder() -> None:
    """Make modules of the current folder importable, as they are where an application is started."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def import_module(name: str) -> ModuleType:
    """Import a module.

    Raises:
        CommandFailed: when it cannot be imported, also because its code ends the process.
    """
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script may end the process
        problem = printable(f"{name!r} cannot be imported: {type(error).__name__}: {error}")
        raise CommandFailed(problem) from error
