"""When the payment provider is healthy and when it fails, in seconds from the start of a run.

Provider and report use the same schedule, and count from the same start signal.
"""

from dataclasses import dataclass
from enum import Enum


class Phase(str, Enum):
    HEALTHY = "healthy"
    DOWN = "slow and failing"
    RECOVERED = "healthy again"


@dataclass(frozen=True)
class Schedule:
    healthy: float = 3
    down: float = 8
    recovered: float = 7

    @property
    def total(self) -> float:
        return self.healthy + self.down + self.recovered

    @property
    def starts(self) -> dict[Phase, float]:
        return {Phase.HEALTHY: 0, Phase.DOWN: self.healthy, Phase.RECOVERED: self.healthy + self.down}

    def phase(self, elapsed: float) -> Phase:
        return max((phase for phase, start in self.starts.items() if start <= elapsed), key=self.starts.__getitem__)
