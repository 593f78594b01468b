"""What a subcommand is, and how it fails. Each has a module of its own with one `COMMAND`; `main` names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


class CommandFailed(Exception):
    """The command cannot do what it was asked; the text is one line for the person who asked. It exits with 2."""


@dataclass(frozen=True)
class Command:
    """One subcommand."""

    description: str
    """A few sentences for the command's own help."""
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
    """Returns the exit status: 0 when all is well, 1 when what was looked at is not. Raises `CommandFailed` when it
    could not look."""
