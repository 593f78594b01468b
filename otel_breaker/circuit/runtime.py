"""The process runtime: the clock, the off switch, first-call hooks, and the living circuits, which a fork changes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from otel_breaker import diagnostics
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.living import LivingObjects

Clock: TypeAlias = Callable[[], float]
Hook: TypeAlias = Callable[[], None]


class RuntimeMember(Protocol):
    """A circuit, as far as the runtime calls it."""

    def adopt_runtime(self, replaced: Clock, clock: Clock) -> None: ...

    def after_fork(self) -> None: ...


class ProcessRuntime:
    """The clock, the off switch, the first-call hooks, and every living circuit."""

    def __init__(self) -> None:
        self.clock: Clock = time.monotonic
        self.off = False
        self.awaits_first_call = False
        """Whether a hook waits for the first guarded call. Until then no fast path is published, so that no call
        bypasses the hook; afterwards a call on the fast path costs what it did before."""
        self.allows_fast_path = True
        """Whether circuits may publish a fast path."""
        self._hooks: tuple[Hook, ...] = ()
        self._waiting: deque[Hook] = deque()
        self._circuits: LivingObjects[RuntimeMember] = LivingObjects()

    def add(self, circuit: RuntimeMember) -> None:
        self._circuits.add(circuit)

    def reconfigure(self, *, clock: Clock | None = None, off: bool | None = None) -> None:
        """Replace the clock or the switch, for living and future circuits; a circuit's own clock is kept."""
        replaced, self.clock = self.clock, clock or self.clock
        self.off = self.off if off is None else off
        self._update_flags()
        self._publish(replaced)

    def on_first_call(self, hook: Hook) -> None:
        """Run a hook at the next guarded call of any circuit, and at the first in every forked child.

        For work that a process which only forks its workers must not do, such as starting a thread.

        Args:
            hook: called in the thread of that call, before it; what it raises is logged.
        """
        self._hooks += (hook,)
        self._waiting.append(hook)
        self._update_flags()
        self._publish(self.clock)

    def cancel_on_first_call(self, hook: Hook) -> None:
        """Remove a hook; without effect when it was not added."""
        self._hooks = tuple(known for known in self._hooks if known != hook)
        self._waiting = deque(known for known in self._waiting if known != hook)
        self._update_flags()

    def first_call_arrived(self) -> None:
        """Run the hooks that wait; a guarded call has come, the first or one beside it."""
        while self._waiting:
            try:
                hook = self._waiting.popleft()  # atomic: of two threads one gets it
            except IndexError:
                break
            try:
                hook()
            except Exception:
                diagnostics.exception("what was to be done at the first guarded call failed; the call is not affected")
        self._update_flags()

    def after_fork(self) -> None:
        """In a forked child."""
        for circuit in self._circuits.all():
            try:
                circuit.after_fork()
            except Exception:  # the circuit's clock may be the application's
                diagnostics.exception("a circuit breaker does not start its counts again in a forked process")
        self._waiting = deque(self._hooks)
        self._update_flags()
        self._publish(self.clock)

    def _update_flags(self) -> None:
        # When the last hook has run, each circuit publishes its fast path with its next decision. No lock is taken for
        # that, since a signal handler may make the first call in the middle of anything.
        self.awaits_first_call = bool(self._waiting)
        self.allows_fast_path = not self.off and not self.awaits_first_call

    def _publish(self, replaced: Clock) -> None:
        for circuit in self._circuits.all():
            circuit.adopt_runtime(replaced, self.clock)


RUNTIME: Final = ProcessRuntime()
FORKS.register(ForkStage.CIRCUITS, RUNTIME.after_fork)
