"""What happens to all circuits of the process at once: a fork, and what tests hold still."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from otel_breaker.circuit.circuit import Circuit

Clock: TypeAlias = Callable[[], float]


class World:
    """The time, whether there are breakers at all, and every living circuit."""

    def __init__(self) -> None:
        self.clock: Clock = time.monotonic
        self.off = False
        self._circuits: weakref.WeakValueDictionary[int, Circuit] = weakref.WeakValueDictionary()

    def add(self, circuit: Circuit) -> None:
        self._circuits[id(circuit)] = circuit

    def switch(self, *, clock: Clock | None = None, off: bool | None = None) -> None:
        """Change it for living and future circuits; those that were given a clock keep it."""
        before, self.clock = self.clock, clock or self.clock
        self.off = self.off if off is None else off
        for circuit in self._living():
            circuit.live_in(before, self.clock)

    def start_afresh(self) -> None:
        """In a forked child."""
        for circuit in self._living():
            circuit.start_afresh()

    def _living(self) -> list[Circuit]:
        # References are copied at one stroke; a WeakSet must not grow while it is gone through.
        return [circuit for reference in self._circuits.valuerefs() if (circuit := reference()) is not None]


WORLD: Final = World()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WORLD.start_afresh)
