"""What became of every target, as the application's own code and its operator may ask."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Final

_MOST_TOLD: Final = 10


class Status(Enum):
    """What became of a target."""

    GUARDED = "guarded"
    """Calls by its name go through the breaker."""
    PENDING = "pending"
    """Nobody has imported its module so far."""
    MISSING = "missing"
    """The module is there, and the name is not, or stands for something else by now."""
    REFUSED = "refused"
    """It is there, and cannot be guarded."""


@dataclass(frozen=True)
class TargetReport:
    """What became of one function; or of a pattern, while its functions are not known."""

    target: str
    """`module:qualified.name`."""
    status: Status
    path: str
    """Where it stands in the configuration."""
    breaker: str | None = None
    """The name of the breaker that guards it."""
    reason: str = ""
    """Why it is not guarded."""
    remedy: str = ""
    """What to do about that, or about who calls it unguarded."""
    aliases: tuple[str, ...] = ()
    """Other names of the same function that are guarded with it."""
    unguarded: tuple[str, ...] = ()
    """Attributes of classes by which the same function is still called unguarded; each can be a target."""
    bypassed_by: tuple[str, ...] = ()
    """Who holds the function itself, and so calls it unguarded: a framework that was given it by a decorator, a list
    of handlers. `remedy` says what to write instead."""

    def __str__(self) -> str:
        said = f"{self.status.value:8}{self.target}"
        if self.status is Status.GUARDED:
            if self.bypassed_by:
                said = f"partly  {self.target} guarded"
            said += f" by {self.breaker!r}"
            if self.aliases:
                said += f", also as {', '.join(self.aliases)}"
            if self.unguarded:
                said += f", but not as {', '.join(self.unguarded)}"
            if self.bypassed_by:
                said += f", but called unguarded by {', '.join(self.bypassed_by)}: {self.remedy}"
            return said
        return f"{said} ({self.path}): {self.reason}{': ' if self.remedy else ''}{self.remedy}"


class Report(tuple[TargetReport, ...]):
    """What became of every target, in the order of the configuration; `str` of it has a line for each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join([self._summary(), *(str(line) for line in self)])

    @property
    def counts(self) -> Counter[Status]:
        """How many are of which status."""
        return Counter(line.status for line in self)

    def problem_summary(self, *, but: str | None = None) -> str | None:
        """What is not guarded, in one line; None when all is.

        Args:
            but: a reason that is none to complain of.
        """
        wrong = [line for line in self if line.status is not Status.GUARDED and line.reason != but]
        if not wrong:
            return None
        told = "; ".join(str(line) for line in wrong[:_MOST_TOLD])
        more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        return f"{len(wrong)} of {len(self)} targets not guarded: {told}{more}"

    def _summary(self) -> str:
        counts = self.counts
        said = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
        partly = sum(bool(line.bypassed_by) for line in self)
        more = f"; {partly} of them partly" if partly else ""
        return f"{len(self)} targets: {said}{more}" if self else "no targets"
