"""What the benchmark finds: one figure, what it is held against, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of a table."""

    section: str
    name: str
    against: str
    """What the figure is a ratio to, or a count of."""
    value: float
    unit: str
    """`x` for a ratio, else a unit of size or time."""
    bar: float | None = None
    """The most that is allowed; None where there is nothing to hold it against."""
    goal: float | None = None
    low: float | None = None
    """The first quartile of the rounds."""
    high: float | None = None
    """The third quartile of the rounds."""
    subject: float | None = None
    """Seconds a call."""
    reference: float | None = None
    """Seconds a call of what it is held against."""

    @property
    def met(self) -> bool:
        """Whether it is within its bar."""
        return self.bar is None or self.value <= self.bar

    @property
    def reached(self) -> bool:
        """Whether it is within its goal."""
        return self.goal is not None and self.value <= self.goal
