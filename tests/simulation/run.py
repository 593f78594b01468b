"""Runs one simulation: the same seed gives the same figures."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.simulation.clients import Arrivals, Client
from tests.simulation.dependency import Dependency
from tests.simulation.events import Events
from tests.simulation.results import Results
from tests.simulation.scenarios import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.clients import Guard
    from tests.simulation.scenarios import Fault


class Run:
    """One simulation, ended.

    Args:
        fault: what happens.
        new_guard: makes the guard of one client; its argument draws random numbers in [0, 1).
        seed: of all random numbers.
        deployment: the clients and the dependency.
    """

    def __init__(
        self,
        fault: Fault,
        new_guard: Callable[[Callable[[], float]], Guard],
        seed: int,
        deployment: Deployment | None = None,
    ) -> None:
        deployment = deployment or Deployment()
        random = Random(seed)
        events = Events(deployment.timeout)
        self.results = Results(deployment)
        dependency = Dependency(deployment, fault, events, random)
        self.guards = [new_guard(random.random) for _ in range(deployment.clients)]
        clients = [Client(guard, deployment, dependency, events, random, self.results) for guard in self.guards]
        Arrivals(clients, deployment, fault, events, random)
        events.run(deployment.ends)
