"""One circuit, as operators, metrics and the runtime use it: settings, commands, snapshots, the clock and forks.

Here the lock is taken, and nowhere else. decisions.py is what runs under it; fast_path.py is what callers may do
without it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from otel_breaker.circuit.commands import OperatorCommand
from otel_breaker.circuit.decisions import Decisions
from otel_breaker.circuit.fast_path import FastPath
from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.circuit.limits import LIMITS
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.circuit.snapshot import Reading, Snapshot
from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.core.machine import Machine
from otel_breaker.settings import Mode, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import TypeVarTuple, Unpack

    from otel_breaker.circuit.episode import Episode
    from otel_breaker.circuit.listeners import Listener
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.core.states import CircuitState
    from otel_breaker.core.transition import Transition

    A = TypeVarTuple("A")

R = TypeVar("R")


class ManagedCircuit(Decisions):
    """A machine that threads share, with its history and its settings.

    Args:
        name: the breaker's name.
        key: identifies a circuit of a keyed breaker; else None.
        settings: without unresolved names.
        listeners: called with each state change; may change at any time.
        clock: monotonic seconds; the runtime's unless given.
    """

    __slots__ = (
        "__weakref__",
        "_commands",
        "_is_off",
        "_lock",
        "classifier",
        "is_enforced",
        "settings",
    )

    def __init__(
        self,
        name: str,
        key: str | None,
        settings: Settings,
        listeners: Iterable[Listener] = (),
        clock: Clock | None = None,
    ) -> None:
        clock = clock or RUNTIME.clock
        history = CircuitHistory(name, key, clock(), listeners)
        machine = Machine(settings.policy, history.counters.calls.successes)
        super().__init__(machine, history, FastPath(clock, history))
        self._commands: list[OperatorCommand] = []
        """The commands that are not carried out yet, in their order. Not a deque: an empty one takes 760 bytes."""
        self._lock = threading.RLock()
        self._apply(settings)
        RUNTIME.add(self)

    @property
    def state(self) -> CircuitState:
        return self._machine.state

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it: it is closed, without a failure streak or a timed call in flight."""
        return self._machine.is_idle

    @property
    def is_off(self) -> bool:
        """Whether calls pass as if there were no breaker."""
        return self._is_off or RUNTIME.off

    @property
    def episode(self) -> Episode | None:
        return self.history.episode

    def now(self) -> float:
        """Monotonic seconds on the circuit's clock."""
        return self.fast_path.clock()

    def force_open(self, reason: str | None, actor: str | None, span_context: object) -> None:
        """Refuse all calls until an operator ends that."""
        self._command(self._machine.force_open, reason, actor, span_context)

    def force_closed(self, reason: str | None, actor: str | None, span_context: object) -> None:
        """Let all calls pass without evaluating rules, until an operator ends that."""
        self._command(self._machine.force_closed, reason, actor, span_context)

    def reset(self, reason: str | None, actor: str | None, span_context: object) -> None:
        """Close, and forget all counts."""
        self._command(self._machine.reset, reason, actor, span_context)

    def adopt(self, settings: Settings) -> None:
        """Apply other settings; state, counts and identity are kept."""
        self._under_lock(self._adopt_locked, settings)

    def adopt_runtime(self, replaced: Clock, clock: Clock) -> None:
        """Apply a change of the runtime."""
        self._under_lock(self._adopt_runtime_locked, replaced, clock)

    def snapshot(self) -> Snapshot:
        machine, limit, mode = self._machine, self.fast_path.limit, self.settings.mode
        return self._under_lock(Snapshot.of_locked, machine, self.history, limit, mode, self.now())

    def read(self, *, timed: bool = True) -> Reading:
        """The counts so far; without the seconds since the last update, and without a ratio, when not *timed*."""
        return self._under_lock(self._read_locked, self.now() if timed else None)

    def dispatch_pending(self) -> None:
        """Deliver all state changes now, after an interrupt: the call that was to complete them may be gone."""
        dispatcher = self.history.dispatcher
        if dispatcher is not None:
            dispatcher.complete_all()
            dispatcher.dispatch(self.history)

    def after_fork(self) -> None:
        """In a forked child: no other thread lives, no call in flight will end, and no count is the child's."""
        self._lock = threading.RLock()
        self._counted_errors = None
        self._machine.forget_calls_in_flight()
        if self.fast_path.limit is not None:
            self.fast_path.limit.forget_calls_in_flight()
        if self.history.dispatcher is not None:
            self.history.dispatcher.after_fork()
        self.history.counters.reset(self.now())
        self.fast_path.publish(self._machine)  # the fork may have come before the parent's thread published

    def _is_inside(self) -> bool:
        """Whether this very thread is in the middle of a decision."""
        return self._lock._is_owned()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # what Condition uses

    def _under_lock(self, decide: Callable[[Unpack[A]], R], *args: Unpack[A]) -> R:
        """Run a decision under the lock; after its release, carry out waiting commands and deliver state changes.

        The lock is taken nowhere else. An interrupt leaves it free, as in locks.py, and loses no state change.
        """
        lock = self._lock  # kept: a forked child may have another one by the time of the release
        if lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # `_is_inside`, written out
            return decide(*args)
        try:
            try:
                lock.acquire()
                decision = decide(*args)
            finally:
                # Not under a condition, which could be interrupted: it is ours unless an interrupt came before it was.
                try:  # noqa: SIM105  # `suppress` is a call, at which another interrupt may come
                    lock.release()
                except RuntimeError:
                    pass
            if self._commands:
                self._under_lock(self._carry_out_locked, self.now())
            dispatcher = self.history.dispatcher
            if dispatcher is not None and dispatcher.queue:
                dispatcher.dispatch(self.history)
        except BaseException:
            self.dispatch_pending()
            raise
        return decision

    def _command(
        self,
        trigger: Callable[[float], Transition | None],
        reason: str | None,
        actor: str | None,
        span_context: object,
    ) -> None:
        self._commands.append(OperatorCommand(trigger, reason, actor, span_context))
        if not self._is_inside():
            self._under_lock(self._carry_out_locked, self.now())

    def _carry_out_locked(self, now: float) -> None:
        """Carry out the commands that wait; under the lock, so that each is carried out once."""
        while self._commands:
            self.carry_out_locked(self._commands.pop(0), now)

    def _adopt_locked(self, settings: Settings) -> None:
        self.fast_path.withdraw()
        self._machine.adopt(settings.policy)
        self._apply(settings)

    def _adopt_runtime_locked(self, replaced: Clock, clock: Clock) -> None:
        if self.fast_path.clock is replaced:
            self.fast_path.clock = clock
        self.fast_path.publish(self._machine)

    def _read_locked(self, now: float | None) -> Reading:
        ratio = 0.0 if now is None or self.is_off else self._machine.trip_ratio(now)
        totals = self.history.counters.totals(now)
        return Reading(totals, self._machine.state, self.settings.mode, ratio, self.fast_path.limit)

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self.classifier = settings.derived(OutcomeClassifier)
        self._mode = settings.mode
        self._is_off = settings.mode is Mode.OFF
        self.is_enforced = settings.mode is Mode.ENFORCE
        """Whether a call in a closed state has no attributes but that state and the key."""
        former, self.fast_path.limit = self.fast_path.limit, LIMITS.find(self.history.name, settings)
        if former is not None and self.fast_path.limit is None:
            former.forget_calls_in_flight()  # the calls that entered it would end without leaving it
        self.fast_path.may_admit = self.is_enforced and not self.classifier.classifies_results
        self.fast_path.may_refuse = self.is_enforced and settings.fallback is None
        self.fast_path.publish(self._machine)
