"""One circuit, as operators, metrics and the runtime use it: settings, commands, snapshots, the clock and forks.

Here the lock is taken, and nowhere else. decisions.py is what runs under it; fast_path.py is what callers may do
without it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from otel_breaker.circuit.commands import CommandQueue, OperatorCommand
from otel_breaker.circuit.counted_errors import CountedErrors
from otel_breaker.circuit.decisions import Decisions
from otel_breaker.circuit.fast_path import FastPath
from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.circuit.limits import LIMITS
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.circuit.snapshot import Reading, Snapshot
from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.core.machine import Machine
from otel_breaker.core.states import SUCCESS, CircuitState
from otel_breaker.settings import Mode, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import TypeVarTuple, Unpack

    from otel_breaker.circuit.episode import Episode
    from otel_breaker.circuit.listeners import Listener
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.core.transition import Transition

    A = TypeVarTuple("A")

R = TypeVar("R")


class ManagedCircuit:
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
        "_decisions",
        "_is_off",
        "_lock",
        "_machine",
        "classifier",
        "fast_path",
        "history",
        "settings",
        "shows_state_only",
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
        self.history = CircuitHistory(name, key, clock(), listeners)
        self.fast_path = FastPath(clock, self.history)
        self._machine = Machine(settings.policy, self.history.counters.calls[SUCCESS].total)
        self._decisions = Decisions(self._machine, self.history, self.fast_path)
        self._commands = CommandQueue(self._decisions.carry_out_locked)
        self._lock = threading.RLock()
        self._apply(settings, OutcomeClassifier(settings))
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
        self._under_lock(self._adopt_locked, settings, OutcomeClassifier(settings))

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
        self.history.dispatcher.complete_all()
        self.history.dispatcher.dispatch()

    def after_fork(self) -> None:
        """In a forked child: no other thread lives, no call in flight will end, and no count is the child's."""
        self._lock = threading.RLock()
        self._decisions.counted_errors = CountedErrors()
        self._machine.forget_calls_in_flight()
        if self.fast_path.limit is not None:
            self.fast_path.limit.forget_calls_in_flight()
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
            if self._commands.waiting:
                self._under_lock(self._commands.run_locked, self.now())
            if self.history.dispatcher.queue:
                self.history.dispatcher.dispatch()
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
        self._commands.waiting.append(OperatorCommand(trigger, reason, actor, span_context))
        if not self._is_inside():
            self._under_lock(self._commands.run_locked, self.now())

    def _adopt_locked(self, settings: Settings, classifier: OutcomeClassifier) -> None:
        self.fast_path.withdraw()
        self._machine.adopt(settings.policy)
        self._apply(settings, classifier)

    def _adopt_runtime_locked(self, replaced: Clock, clock: Clock) -> None:
        if self.fast_path.clock is replaced:
            self.fast_path.clock = clock
        self.fast_path.publish(self._machine)

    def _read_locked(self, now: float | None) -> Reading:
        ratio = 0.0 if now is None or self.is_off else self._machine.trip_ratio(now)
        totals = self.history.counters.totals(now)
        return Reading(totals, self._machine.state, self.settings.mode, ratio, self.fast_path.limit)

    def _apply(self, settings: Settings, classifier: OutcomeClassifier) -> None:
        self.settings = settings
        self.classifier = classifier
        self._decisions.mode, self._decisions.probe_timeout = settings.mode, settings.probe_timeout
        self._is_off = settings.mode is Mode.OFF
        enforced = settings.mode is Mode.ENFORCE
        self.shows_state_only = enforced and self.history.key is None
        """Whether a call in a closed state has no attribute but that state."""
        self.fast_path.limit = LIMITS.find(self.history.name, settings)
        self.fast_path.may_admit = enforced and not classifier.classifies_results
        self.fast_path.may_refuse = enforced and settings.fallback is None
        self.fast_path.publish(self._machine)
