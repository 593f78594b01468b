"""The fork hooks of all packages, run in one order that the modules' import order cannot change.

`os.register_at_fork` is called here and nowhere else. A hook belongs to the module whose state it renews; none is
defined here.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class ForkStage(Enum):
    """When a hook runs in a forked child; the stages run in the order of their definition."""

    LOCKS = auto()
    """Locks of registries. First, because these hooks run no foreign code and the later ones may need the locks."""
    CIRCUITS = auto()
    """Circuits, whose counts restart at zero and whose clocks, which may be the application's, are read."""
    METRICS = auto()
    """Metrics. After the circuits, because a dropped circuit's counts join its name's: they must be the child's."""


class Forks:
    """Whether this process was forked or has forked, and what a forked child renews."""

    def __init__(self) -> None:
        self.is_child = False
        """Whether this process was forked from another, so that a lock may be held by a thread that does not exist."""
        self.has_children = False
        """Whether this process has forked, as the master of a server does."""
        self._hooks: dict[ForkStage, list[Callable[[], object]]] = {stage: [] for stage in ForkStage}

    def register(self, stage: ForkStage, after_in_child: Callable[[], object]) -> None:
        """Add a hook; those of one stage run in the order of their registration.

        Args:
            stage: when it runs.
            after_in_child: runs in each forked child, also when a hook before it has raised.
        """
        self._hooks[stage].append(after_in_child)

    def after_in_parent(self) -> None:
        self.has_children = True

    def after_in_child(self) -> None:
        self.is_child, self.has_children = True, False
        with ExitStack() as stack:
            for hooks in reversed(self._hooks.values()):
                for hook in reversed(hooks):
                    stack.callback(hook)


FORKS: Final = Forks()
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(  # noqa: TID251  # the only place
        after_in_parent=FORKS.after_in_parent, after_in_child=FORKS.after_in_child
    )
