"""What happens to all circuits of the process at once: a fork, the first call, and what tests hold still."""

from __future__ import annotations

import random
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_breaker import diagnostics
from otel_breaker.forks import FORKS, ForkStage

if TYPE_CHECKING:
    from otel_breaker.circuit.circuit import Circuit

Clock: TypeAlias = Callable[[], float]
Act: TypeAlias = Callable[[], None]


def _chance() -> Callable[[], float]:
    """What draws numbers in [0, 1); not from the application's own generator, which it may have seeded."""
    return random.Random().random  # noqa: S311  # spreads probes, guards no secret


class ProcessRuntime:
    """The time, whether there are breakers at all, and every living circuit."""

    def __init__(self) -> None:
        self.clock: Clock = time.monotonic
        self.draw = _chance()
        self.off = False
        self.awaits_first_call = False
        """Whether somebody wants to know of the first guarded call. Until it comes nothing is decided without the lock,
        so that every call shows itself; afterwards a call on the hot path costs what it always did."""
        self.allows_fast_path = True
        """Whether a circuit may decide without its lock, for all that is known here."""
        self._acts: tuple[Act, ...] = ()
        self._waiting: deque[Act] = deque()
        self._circuits: weakref.WeakValueDictionary[int, Circuit] = weakref.WeakValueDictionary()

    def add(self, circuit: Circuit) -> None:
        self._circuits[id(circuit)] = circuit

    def reconfigure(self, *, clock: Clock | None = None, off: bool | None = None) -> None:
        """Change it for living and future circuits; those that were given a clock keep it."""
        before, self.clock = self.clock, clock or self.clock
        self.off = self.off if off is None else off
        self._await()
        self._publish(before)

    def on_first_call(self, act: Act) -> None:
        """Have something done at the next guarded call of any circuit, and at the first in every forked child.

        For what must not be done in a process that only forks the ones that work, such as starting a thread.

        Args:
            act: called in the thread of that call, before it; what it raises is logged.
        """
        self._acts += (act,)
        self._waiting.append(act)
        self._await()
        self._publish(self.clock)

    def cancel_on_first_call(self, act: Act) -> None:
        """Take that back; does nothing when it was not asked for."""
        self._acts = tuple(kept for kept in self._acts if kept != act)
        self._waiting = deque(kept for kept in self._waiting if kept != act)
        self._await()

    def first_call_arrived(self) -> None:
        """A guarded call has come, the first or one beside it."""
        while self._waiting:
            try:
                act = self._waiting.popleft()  # at one stroke: of two threads one has it
            except IndexError:
                break
            try:
                act()
            except Exception:
                diagnostics.exception("what was to be done at the first guarded call failed; the call is not affected")
        self._await()

    def after_fork(self) -> None:
        """In a forked child."""
        self.draw = _chance()  # or all workers would probe at once
        for circuit in self._living():
            circuit.after_fork()
        self._waiting = deque(self._acts)
        self._await()
        self._publish(self.clock)

    def _await(self) -> None:
        # When the wait is over each circuit's next decision publishes it anew: no lock is taken for that,
        # since the call that ends it may be made by a signal handler in the middle of anything.
        self.awaits_first_call = bool(self._waiting)
        self.allows_fast_path = not self.off and not self.awaits_first_call

    def _publish(self, before: Clock) -> None:
        for circuit in self._living():
            circuit.adopt_runtime(before, self.clock)

    def _living(self) -> list[Circuit]:
        # References are copied at one stroke; a WeakSet must not grow while it is gone through.
        return [circuit for reference in self._circuits.valuerefs() if (circuit := reference()) is not None]


RUNTIME: Final = ProcessRuntime()
FORKS.register(ForkStage.CIRCUITS, RUNTIME.after_fork)
