"""The result of a measurement: one figure, its reference, and whether it is within its bar."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of a table."""

    section: str
    name: str
    against: str
    """The reference of the ratio, or the counted objects."""
    value: float
    unit: str
    """`x` for a ratio, else a unit of size or time."""
    bar: float | None = None
    """The greatest value that is allowed, or the least; None without a bar."""
    goal: float | None = None
    low: float | None = None
    """The first quartile of the rounds."""
    high: float | None = None
    """The third quartile of the rounds."""
    subject: float | None = None
    """Seconds per call."""
    reference: float | None = None
    """Seconds per call of the reference."""
    at_least: bool = False
    """Whether bar and goal are the least values."""

    @property
    def met(self) -> bool:
        """Whether it is within its bar."""
        return self.bar is None or self._keeps(self.bar)

    @property
    def reached(self) -> bool:
        """Whether it is within its goal."""
        return self.goal is not None and self._keeps(self.goal)

    def _keeps(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit
