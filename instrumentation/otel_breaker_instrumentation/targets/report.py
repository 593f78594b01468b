"""The report: what became of every target, as data and as text. Building it is the business of report_builder.py."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Final

_MOST_LISTED: Final = 10


class Status(Enum):
    """What became of a target."""

    GUARDED = "guarded"
    """Calls by its name go through the breaker."""
    PENDING = "pending"
    """Its module has not been imported so far."""
    MISSING = "missing"
    """The module has been imported, and the name is not there, or is another object by now."""
    REFUSED = "refused"
    """The name is there, and cannot be guarded."""


@dataclass(frozen=True)
class TargetReport:
    """What became of one function; or of a pattern, while its functions are not known."""

    target: str
    """`module:qualified.name`."""
    status: Status
    path: str
    """Where the configuration names it."""
    breaker: str | None = None
    """The name of the breaker that guards it."""
    reason: str = ""
    """Why it is not guarded."""
    remedy: str = ""
    """How to guard it; or how to guard the calls of `bypassed_by`."""
    aliases: tuple[str, ...] = ()
    """Other names of the same function that are guarded with it."""
    unguarded: tuple[str, ...] = ()
    """Attributes of classes by which the same function is still called unguarded; each can be a target."""
    bypassed_by: tuple[str, ...] = ()
    """What holds the function itself, and so calls it unguarded: a framework whose decorator was given it, a list of
    handlers. `remedy` is what to write instead."""

    @property
    def problem(self) -> str | None:
        """Why calls of it are unguarded, in a sentence; None when all its calls are guarded."""
        if self.bypassed_by:
            return f"{self.target} is guarded, but called unguarded by {', '.join(self.bypassed_by)}"
        return None if self.status is Status.GUARDED else f"{self.target} is not guarded: {self.reason}"

    def __str__(self) -> str:
        if self.status is not Status.GUARDED:
            remedy = f": {self.remedy}" if self.remedy else ""
            return f"{self.status.value:8}{self.target} ({self.path}): {self.reason}{remedy}"
        start = f"partly  {self.target} guarded" if self.bypassed_by else f"guarded {self.target}"
        aliases = f", also as {', '.join(self.aliases)}" if self.aliases else ""
        unguarded = f", but not as {', '.join(self.unguarded)}" if self.unguarded else ""
        bypassed = f", but called unguarded by {', '.join(self.bypassed_by)}: {self.remedy}" if self.bypassed_by else ""
        return f"{start} by {self.breaker!r}{aliases}{unguarded}{bypassed}"


class Report(tuple[TargetReport, ...]):
    """What became of every target, in the order of the configuration; `str` of it has a line for each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join([self._summary(), *(str(line) for line in self)])

    @property
    def counts(self) -> Counter[Status]:
        """How many are of which status."""
        return Counter(line.status for line in self)

    def problem_summary(self, *, except_reason: str | None = None) -> str | None:
        """What is not guarded, in one line; None when everything is.

        Args:
            except_reason: a reason that is no problem.
        """
        wrong = [line for line in self if line.status is not Status.GUARDED and line.reason != except_reason]
        if not wrong:
            return None
        listed = "; ".join(str(line) for line in wrong[:_MOST_LISTED])
        more = f"; and {len(wrong) - _MOST_LISTED} more" if len(wrong) > _MOST_LISTED else ""
        return f"{len(wrong)} of {len(self)} targets not guarded: {listed}{more}"

    def _summary(self) -> str:
        if not self:
            return "no targets"
        counts = self.counts
        listed = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
        partly = sum(bool(line.bypassed_by) for line in self)
        return f"{len(self)} targets: {listed}{f'; {partly} of them partly' if partly else ''}"
