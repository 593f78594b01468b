"""The rows of docs/decisions.md: what happens, to how many clients, and the goodput that the limit has to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation import scenarios
from tests.simulation.results import Goodput
from tests.simulation.run import Run
from tests.simulation.scenarios import Deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.contenders import Contender
    from tests.simulation.scenarios import Fault

SEEDS: Final = (1, 2, 3)
_USUAL: Final = Deployment()


@dataclass(frozen=True)
class Row:
    """A fault, and the clients that meet it."""

    fault: Fault
    deployment: Deployment = _USUAL
    circuits: int = 1
    """One circuit for each shard, or one for all."""
    bar: Goodput | None = None
    """The least goodput with rules and a limit, with each seed; without a bar: no worse than with rules alone."""

    @property
    def name(self) -> str:
        clients = self.deployment.clients
        if clients == _USUAL.clients:
            return self.fault.name
        return f"{self.fault.name}, {clients:,} client{'s' if clients > 1 else ''}"

    def run(self, contender: Contender, seed: int) -> Run:
        return Run(self.fault, lambda draw: contender.make(draw, self.circuits), seed, self.deployment)

    def goodputs(self, contender: Contender) -> Sequence[Goodput]:
        """With each of the seeds."""
        return [self.run(contender, seed).results.goodput for seed in SEEDS]


def clients(number: int) -> Deployment:
    """As many requests, from other clients."""
    return Deployment(clients=number, threads=max(2, 1024 // number))


SURGE: Final = Row(scenarios.SURGE, bar=Goodput(80, 98))
SURGES: Final = (
    Row(scenarios.SURGE, clients(8), bar=Goodput(80, 98)),
    SURGE,
    Row(scenarios.SURGE, clients(256), bar=Goodput(78, 98)),
    Row(scenarios.SURGE, clients(1024), bar=Goodput(60, 98)),
)
OVERLOADED: Final = Row(
    scenarios.FROM_THE_START,
    Deployment(clients=1, threads=1_000_000, rate=200.0, slots=8, fault_begins=0.0, fault_ends=10.0, ends=24.0),
    bar=Goodput(60, 90),
)
BROWN_OUT: Final = Row(scenarios.BROWN_OUT, bar=Goodput(20, 95))
COLD_START: Final = Row(scenarios.COLD_START, bar=Goodput(0, 84))
HANG: Final = Row(scenarios.HANG)
SOME_ERRORS: Final = Row(scenarios.SOME_ERRORS)
ROWS: Final = (
    *SURGES,
    OVERLOADED,
    BROWN_OUT,
    COLD_START,
    HANG,
    Row(scenarios.FAST_ERRORS),
    Row(scenarios.SLOW),
    Row(scenarios.FLAPPING),
    Row(scenarios.SHARD, circuits=_USUAL.shards),
    SOME_ERRORS,
)
