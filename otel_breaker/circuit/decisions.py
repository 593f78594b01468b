"""What a circuit does under its lock: each method is one decision, taken and published as a whole.

Who may call one when, and whom to tell of its moves afterwards, is for circuit.py to say. Nothing here calls anybody
else's code or logs, and the time is handed in.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.circuit.counted_errors import CountedErrors
from otel_breaker.circuit.fast_path import FastPath
from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.circuit.snapshot import Reading, Snapshot
from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.core.machine import Machine
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import CLOSED, HALF_OPEN, SUCCESS, Outcome
from otel_breaker.locks import locked
from otel_breaker.settings import Mode, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from otel_breaker.circuit.changes import Listener, PendingChange
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.core.machine import Transition
    from otel_breaker.errors import CircuitOpenError

Command: TypeAlias = "tuple[Callable[[float], Transition | None], str | None, str | None, object]"
"""What an operator has commanded, the reason, the actor, and the span context of the command."""


class Failure(NamedTuple):
    """What is known of a call that failed."""

    kind: str
    """The name of what it raised, or what its block called it."""
    error: BaseException | None
    """What it raised, where that is to be marked."""
    owner: object
    """Who ran it."""


class Decisions:
    """The part of a circuit that runs under its lock."""

    __slots__ = (
        "__weakref__",
        "_commands",
        "_counted_errors",
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
        now = clock()
        self.history = CircuitHistory(name, key, now, listeners)
        self.fast_path = FastPath(clock, self.history)
        self._machine = Machine(settings.policy, now, self.history.counters.calls[SUCCESS].total)
        self._commands: deque[Command] = deque()
        """What operators have commanded, and is not done yet."""
        self._lock = threading.RLock()
        self._counted_errors = CountedErrors()
        self._live_by(settings, OutcomeClassifier(settings))

    def now(self) -> float:
        """Monotonic seconds on the circuit's clock."""
        return self.fast_path.clock()

    @property
    def is_off(self) -> bool:
        """Whether calls pass as if there were no breaker."""
        return self._is_off or RUNTIME.off

    @locked
    def _decide(
        self, now: float, owner: Hashable, exclusive: bool
    ) -> tuple[Permit | CircuitOpenError, Sequence[PendingChange]]:
        self.fast_path.withdraw()
        try:
            moves = self._catch_up(now)
            permit = self._admit(now, owner, exclusive=exclusive)
            decision = permit or self._refuse(now)
        finally:
            self.fast_path.publish(self._machine)
        self.history.dispatcher.complete_before(moves)
        return decision, moves

    @locked
    def _caused(self, moves: Sequence[PendingChange], origin: object) -> None:
        self.history.attach_span_context(moves, origin)

    @locked
    def _absorb(
        self,
        permit: Permit,
        outcome: Outcome,
        error: BaseException | None,
        failure: str | None,
        owner: object,
        origin: object,
    ) -> bool:
        """Take in a result that moves nothing; False, having done nothing, when it has to be judged."""
        period = self._machine.period
        if period is None or permit is not self.fast_path.shared_permit:
            return False
        self.fast_path.withdraw_standing_permit()
        if not period.record_without_effect(permit, outcome):
            return False
        try:
            self.history.counters.calls[outcome].add()
            if failure is not None:
                self.history.note_failure(failure, origin)
                self.history.add_evidence(failure)
                if error is not None:
                    self._counted_errors.mark(error, period.failure_count, owner)
        finally:
            self.fast_path.publish_period(period)
        return True

    @locked
    def _take_in(
        self,
        permit: Permit,
        outcome: Outcome,
        judged: Outcome,
        failed: Failure | None,
        now: float,
        retry_after: float | None,
        origin: object,
    ) -> Sequence[PendingChange]:
        self.fast_path.withdraw()
        try:
            if failed is not None:
                self.history.note_failure(failed.kind, origin)
            moves = self._judge(permit, outcome, judged, failed, now, retry_after, origin)
        finally:
            self.fast_path.publish(self._machine)
        self.history.dispatcher.complete_before(moves)
        return moves

    @locked
    def _suspend(self, permit: Permit, now: float) -> tuple[bool, Sequence[PendingChange]]:
        self.fast_path.withdraw()
        try:
            slow = self._machine.policy.is_slow(permit.started, now)
            permit.owner = None
            moves = self._moved(self._machine.suspend(permit, now, _jitter()), permit.span_context, complete=True)
        finally:
            self.fast_path.publish(self._machine)
        self.history.dispatcher.complete_before(moves)
        return slow, moves

    @locked
    def _resume(self, permit: Permit, now: float) -> None:
        self._machine.resume(permit, now)

    @locked
    def _permit_if_closed(self, now: float) -> Permit:
        state = self._machine.state
        permit = self._machine.admit(now) if state is CLOSED else None
        return permit or Permit.of(NO_GENERATION, state, 0, now)

    @locked
    def _obey_next(self, now: float) -> None:
        if not self._commands:  # somebody else has obeyed
            return
        act, reason, actor, origin = self._commands.popleft()
        self.fast_path.withdraw()
        try:
            transition = act(now)
        finally:
            self.fast_path.publish(self._machine)
        if transition is not None:
            mode = self.settings.mode.value
            notice = self.history.record_state_change(transition, mode, origin, complete=True, actor=actor, note=reason)
            self.history.dispatcher.complete_before([notice])

    @locked
    def _adopt(self, settings: Settings, judge: OutcomeClassifier) -> None:
        self.fast_path.withdraw()
        self._machine.adopt(settings.policy)
        self._live_by(settings, judge)

    @locked
    def _snapshot(self, now: float) -> Snapshot:
        return Snapshot.of(self._machine, self.history, self.settings.mode.value, now)

    @locked
    def _read(self, now: float | None) -> Reading:
        ratio = 0.0 if now is None or self.is_off else self._machine.trip_ratio(now)
        totals = self.history.counters.totals(now)
        return Reading(totals, self._machine.state, self.settings.mode.value, ratio)

    @locked
    def adopt_runtime(self, before: Clock, clock: Clock) -> None:
        """Follow a change of the world."""
        if self.fast_path.clock is before:
            self.fast_path.clock = clock
        self.fast_path.publish(self._machine)

    def _live_by(self, settings: Settings, judge: OutcomeClassifier) -> None:
        self.settings = settings
        self.classifier = judge
        self._is_off = settings.mode is Mode.OFF
        enforced = settings.mode is Mode.ENFORCE
        self.shows_state_only = enforced and self.history.key is None
        """Whether there is nothing to say of a call in a closed state but that state."""
        self.fast_path.may_admit = enforced and not self.classifier.classifies_results
        self.fast_path.may_refuse = enforced and settings.fallback is None
        self.fast_path.publish(self._machine)

    def _catch_up(self, now: float) -> list[PendingChange]:
        """What time alone has brought about since the last call."""
        machine, moves = self._machine, []
        if machine.state is CLOSED:
            return self._moved(machine.sweep(now, _jitter()), None, complete=False)
        if machine.state is HALF_OPEN:
            moves = self._moved(machine.expire(now, _jitter()), None, complete=False)
        return moves + self._moved(machine.cool_down(now), None, complete=False)

    def _admit(self, now: float, owner: Hashable, *, exclusive: bool) -> Permit | None:
        permit = self._machine.admit(now, owner if self._machine.state is HALF_OPEN else None, exclusive=exclusive)
        if permit is not None and permit.deadline is not None:
            self.history.count_probe()
        return permit

    def _refuse(self, now: float) -> Permit | CircuitOpenError:
        if self.settings.mode is Mode.SHADOW:
            permit = Permit.of(NO_GENERATION, self._machine.state, 0, now)
            permit.shadowed = True
            return permit
        return self.history.make_refusal(self._machine.state, self._machine.retry_after(now))

    def _judge(
        self,
        permit: Permit,
        outcome: Outcome,
        judged: Outcome,
        failed: Failure | None,
        now: float,
        retry_after: float | None,
        origin: object,
    ) -> Sequence[PendingChange]:
        machine, record, moves = self._machine, self.history, NO_CHANGES
        if permit.shadowed:
            record.counters.shadowed[outcome] += 1
        if machine.has_deadlines:
            # A probe that ends after its deadline is lost; calls in flight may be overdue.
            moves = self._moved(machine.expire(now, _jitter()), origin, complete=True)
            moves += self._moved(machine.sweep(now, _jitter()), origin, complete=True)
        if permit.deadline is not None and permit.generation == machine.generation:
            record.record_probe_outcome(outcome)
        # Together with settling: in between, a success would stand in the window twice.
        record.counters.calls[outcome].add()
        epoch = machine.failure_count
        settled = machine.record_outcome(permit, judged, now, _jitter(), retry_after)
        if failed is not None and machine.failure_count != epoch:
            record.add_evidence(failed.kind)
            if failed.error is not None:
                self._counted_errors.mark(failed.error, machine.failure_count, failed.owner)
        return moves if settled is None else [*moves, *self._moved(settled, origin, complete=True)]

    def _moved(self, transition: Transition | None, origin: object, *, complete: bool) -> list[PendingChange]:
        if transition is None:
            return []
        return [self.history.record_state_change(transition, self.settings.mode.value, origin, complete=complete)]


def _jitter() -> float:
    return RUNTIME.draw()
