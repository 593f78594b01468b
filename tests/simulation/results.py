"""What a simulation counts: requests by when they arrived, before, during and after the fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.scenarios import Deployment

_UNFINISHED: Final = 4.0
"""Seconds: requests that arrive so shortly before the end may not finish, and do not count."""
_DURING, _AFTER, _NEITHER = range(3)


class Goodput(NamedTuple):
    """The share of requests that succeeded, in percent, by when they arrived."""

    during: float
    """While the fault lasted."""
    after: float

    @classmethod
    def mean(cls, runs: Sequence[Goodput]) -> Goodput:
        return cls(*(sum(part) / len(runs) for part in zip(*runs, strict=True)))

    @classmethod
    def worst(cls, runs: Sequence[Goodput]) -> Goodput:
        return cls(*(min(part) for part in zip(*runs, strict=True)))


class Results:
    """The counts of one run."""

    def __init__(self, deployment: Deployment) -> None:
        self._begins, self._ends = deployment.fault_begins, deployment.fault_ends
        self._last = deployment.ends - _UNFINISHED
        self._offered, self._good = [0, 0, 0], [0, 0, 0]
        self._while_well = [0, 0]
        self.waited = 0.0
        """Seconds that threads took for requests which did not succeed."""

    @property
    def goodput(self) -> Goodput:
        return Goodput(*(100 * self._good[part] / self._offered[part] for part in (_DURING, _AFTER)))

    @property
    def refused_while_well(self) -> float:
        """Of the calls that the dependency would have answered, the share that was refused, in percent."""
        return 100 * self._while_well[True] / sum(self._while_well)

    def count_offered(self, arrived: float) -> None:
        self._offered[self._part(arrived)] += 1

    def count_good(self, arrived: float) -> None:
        self._good[self._part(arrived)] += 1

    def count_while_well(self, *, refused: bool) -> None:
        self._while_well[refused] += 1

    def _part(self, arrived: float) -> int:
        if self._begins <= arrived < self._ends:
            return _DURING
        return _AFTER if self._ends <= arrived < self._last else _NEITHER
