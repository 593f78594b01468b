"""A subcommand, and how it fails. Each has a module or folder of its own with one `COMMAND`; `main` lists the names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


class CommandFailed(Exception):
    """The command cannot run; the text is one line for the user. The exit status is 2."""


@dataclass(frozen=True)
class Command:
    """A subcommand's help, arguments and function."""

    description: str
    """A few sentences for the command's own help."""
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
    """Returns the exit status: 0 without a finding, 1 with findings. Raises `CommandFailed` when it cannot run."""
