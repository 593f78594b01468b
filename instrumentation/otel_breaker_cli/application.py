"""The application's own modules, for the commands that look into it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from otel_breaker.text import printable
from otel_breaker_cli.command import CommandFailed

if TYPE_CHECKING:
    from types import ModuleType


def import_from_here() -> None:
    """Let modules be imported from the current folder, where an application is started."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def import_module(name: str) -> ModuleType:
    """Import a module.

    Raises:
        CommandFailed: when it cannot be imported, whatever its code does.
    """
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script may end the process
        problem = printable(f"{name!r} cannot be imported: {type(error).__name__}: {error}")
        raise CommandFailed(problem) from error
