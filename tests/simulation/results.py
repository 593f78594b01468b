"""What a simulation counts: requests by when they arrived, before, during and after the fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tests.simulation.scenarios import Deployment

_WARM_UP: Final = 5.0
_UNFINISHED: Final = 4.0
"""Seconds: requests that arrive so shortly before the end may not finish, and do not count."""
_DURING, _AFTER, _UNCOUNTED = range(3)


class Goodput(NamedTuple):
    """The share of requests that succeeded, in percent, by when they arrived."""

    during: float
    """While the fault lasted."""
    after: float

    @classmethod
    def mean(cls, several: list[Goodput]) -> Goodput:
        number = len(several)
        return cls(sum(one.during for one in several) / number, sum(one.after for one in several) / number)


class Results:
    """The counts of one run."""

    def __init__(self, deployment: Deployment) -> None:
        self._begins, self._ends = deployment.fault_begins, deployment.fault_ends
        self._last = deployment.ends - _UNFINISHED
        self._offered, self._good, self._waited = [0, 0, 0], [0, 0, 0], [0.0, 0.0, 0.0]
        self.refused_although_well = 0
        """Calls that were refused although the dependency would have answered them."""

    @property
    def goodput(self) -> Goodput:
        return Goodput(*(100 * self._good[part] / self._offered[part] for part in (_DURING, _AFTER)))

    @property
    def offered(self) -> int:
        """All requests."""
        return sum(self._offered)

    @property
    def waited(self) -> float:
        """Thread-seconds that requests which did not succeed took, of those that arrived during the fault."""
        return self._waited[_DURING]

    def count_offered(self, arrived: float) -> None:
        self._offered[self._part(arrived)] += 1

    def count_good(self, arrived: float) -> None:
        self._good[self._part(arrived)] += 1

    def count_refused(self, arrived: float, *, is_well: bool) -> None:
        self.refused_although_well += is_well

    def count_waited(self, arrived: float, seconds: float) -> None:
        self._waited[self._part(arrived)] += seconds

    def _part(self, arrived: float) -> int:
        if self._begins <= arrived < self._ends:
            return _DURING
        return _AFTER if self._ends <= arrived < self._last else _UNCOUNTED
