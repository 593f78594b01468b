"""Random numbers, which spread the recovery times of circuits. A process without a circuit does not import `random`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from otel_breaker.forks import FORKS, ForkStage

if TYPE_CHECKING:
    from collections.abc import Callable


class Chance:
    """Draws numbers in [0, 1); not with the application's own generator, which it may have seeded."""

    def __init__(self) -> None:
        self.draw: Callable[[], float]
        self.renew()

    def renew(self) -> None:
        """Take another generator: in a forked child, or all workers would probe at once."""
        self.draw = random.Random().random  # noqa: S311  # jitter for probes, no secret


CHANCE: Final = Chance()
FORKS.register(ForkStage.CIRCUITS, CHANCE.renew)
