"""A machine made safe to share: who decides under the lock, and whom it tells of what came of it afterwards.

What is done under the lock stands in decisions.py; what may be decided without it is published there, see
lock_free.py.

A signal handler or a finaliser may make a guarded call at any instruction, also while its own thread is in here
half-way through a move. The lock would let it in (it is re-entrant): it is a passer-by, which is admitted or refused
by the state as it stands, is counted, and moves nothing. What it commands is done as soon as the move is.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.circuit.counted_errors import CountedErrors
from otel_breaker.circuit.decisions import Decisions, Failure
from otel_breaker.circuit.owners import running, running_owner
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import (
    CLOSED,
    FAILURE,
    FORCED_CLOSED,
    HALF_OPEN,
    IGNORED,
    OPEN,
    SUCCESS,
    CircuitState,
    Outcome,
)
from otel_breaker.text import OTHER, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_breaker.circuit.changes import Listener, PendingChange
    from otel_breaker.circuit.history import Episode
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.circuit.snapshot import Reading, Snapshot
    from otel_breaker.core.machine import Transition
    from otel_breaker.errors import CircuitOpenError
    from otel_breaker.settings import Settings

_PASSING: Final = (CLOSED, FORCED_CLOSED)
_RECOVERING: Final = (OPEN, HALF_OPEN)


class Circuit(Decisions):
    """One circuit.

    Args:
        name: the breaker's name.
        key: which circuit of a keyed breaker, or None.
        settings: what it lives by, without unresolved names.
        listeners: told of each move; a living sequence that may change.
        clock: monotonic seconds; the world's unless given.
    """

    __slots__ = ()

    def __init__(
        self,
        name: str,
        key: str | None,
        settings: Settings,
        listeners: Iterable[Listener] = (),
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name, key, settings, listeners, clock)
        RUNTIME.add(self)

    @property
    def state(self) -> CircuitState:
        return self._machine.state

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return self._machine.is_idle

    @property
    def episode(self) -> Episode | None:
        return self.history.episode

    def acquire_permit(self, *, exclusive: bool = False) -> tuple[Permit | CircuitOpenError, Sequence[PendingChange]]:
        """Decide about one call.

        Args:
            exclusive: the permit must be the caller's own, to be settled by hand.

        Returns:
            A permit, or the refusal to raise; and the moves that deciding brought about, which the caller must give
            to `announce` once it knows its own span.
        """
        plain = None if exclusive else self.fast_path.try_admit() or self.fast_path.try_refuse()
        if plain is not None:
            return plain, ()
        now = self.now()
        if self._is_inside():
            return self._pass_by(now), ()
        # Not under the lock: it is for other libraries to say who runs.
        owner = running_owner() if self._machine.state in _RECOVERING and not exclusive else None
        try:
            decision, moves = self._decide(now, owner, exclusive)
            self._obey()
        except BaseException:
            self.dispatch_pending()
            raise
        return decision, moves

    def dispatch_changes(self, moves: Sequence[PendingChange], origin: object) -> None:
        """Tell the listeners of the moves that a decision brought about.

        Args:
            moves: what `ask` returned.
            origin: the span context of the call that asked, or None.
        """
        if moves:
            try:
                self._caused(moves, origin)
                self._obey()
                self.history.dispatcher.dispatch()
            except BaseException:
                self.dispatch_pending()
                raise

    def dispatch_pending(self) -> None:
        """Tell the listeners of all moves now: an interrupt came, and who would have announced one may be gone."""
        self.history.dispatcher.complete_all()
        self.history.dispatcher.dispatch()

    def record_outcome(
        self,
        permit: Permit,
        outcome: Outcome,
        *,
        error: BaseException | None = None,
        error_type: str | None = None,
        retry_after: float | None = None,
        detached: bool = False,
        origin: object = None,
    ) -> Sequence[PendingChange]:
        """Take in what became of an admitted call.

        Args:
            permit: what the call was admitted with.
            outcome: what became of it.
            error: what it raised, if it did; not kept.
            error_type: what to call a failure that raised nothing.
            retry_after: seconds that such a failure asked to wait.
            detached: whether the call ended in a callback, or by hand, rather than where it was made.
            origin: the span context of the call.

        Returns:
            The moves that it brought about, already announced.
        """
        if self._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # `_is_inside`, written out
            self._machine.leave(permit)
            self.history.counters.calls[outcome].add()
            return NO_CHANGES
        failure, owner = None, None
        if outcome is FAILURE:
            failure = error_type or (OTHER if error is None else type_name(type(error)))
            if error is not None:
                if self.classifier.reads_requested_waits:
                    retry_after = self.classifier.requested_wait(error)
                owner = running()
        marked = None if detached else error
        try:
            if permit.is_shared and self._absorb(permit, outcome, marked, failure, owner, origin):
                moves = NO_CHANGES
            else:
                counted = (
                    failure is not None and error is not None and self._counted_errors.is_counted(error, permit, owner)
                )
                judged = IGNORED if counted else outcome
                failed = None if failure is None else Failure(failure, marked, owner)
                now = self.now()
                moves = self._take_in(permit, outcome, judged, failed, now, retry_after, origin)
            if self._commands:
                self._obey()
            if moves:
                self.history.dispatcher.dispatch()
        except BaseException:
            self._machine.leave(permit)
            self.dispatch_pending()
            raise
        return moves

    def suspend(self, permit: Permit) -> tuple[bool, Sequence[PendingChange]]:
        """A call of several steps waits for its consumer.

        Returns:
            Whether the step was slow, and the moves that it brought about, already announced.
        """
        if self._is_inside():
            self._machine.leave(permit)
            permit.started = permit.owner = None
            return False, NO_CHANGES
        now = self.now()
        try:
            slow, moves = self._suspend(permit, now)
            self._obey()
            if moves:
                self.history.dispatcher.dispatch()
        except BaseException:
            self.dispatch_pending()
            raise
        return slow, moves

    def resume(self, permit: Permit) -> None:
        """A call of several steps goes on, maybe elsewhere."""
        now = self.now()
        if permit.deadline is not None:
            permit.owner = running_owner()
        self._resume(permit, now)
        self._obey()

    def permit_for_unrequested_result(self) -> Permit:
        """For the result of a call that nobody asked leave for: it counts only while the circuit is closed."""
        permit = self._permit_if_closed(self.now())
        self._obey()
        return permit

    def record_success(self, permit: Permit) -> None:
        """Take in that a call succeeded, where nobody follows it with a span."""
        if not self.fast_path.try_record_success(permit):
            self.record_outcome(permit, SUCCESS)

    def record_error(self, permit: Permit, error: BaseException) -> None:
        """Take in that a call raised, where nobody follows it with a span."""
        outcome = self.classifier.known_outcomes.get(id(type(error)))
        if outcome is not None:
            self.record_outcome(permit, outcome, error=error)
            return
        outcome = FAILURE  # should judging it be interrupted
        try:
            outcome = self.classifier.classify_error(error)
        finally:
            self.record_outcome(permit, outcome, error=error)

    def is_slow(self, permit: Permit) -> bool:
        """Whether a call that ends now was slow."""
        return self.settings.slow_call_duration is not None and self._machine.policy.is_slow(permit.started, self.now())

    def force_open(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Refuse all calls until an operator says otherwise."""
        self._operate(self._machine.force_open, reason, actor, origin)

    def force_closed(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Let all calls pass, unjudged, until an operator says otherwise."""
        self._operate(self._machine.force_closed, reason, actor, origin)

    def reset(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Close, and forget what was counted."""
        self._operate(self._machine.reset, reason, actor, origin)

    def adopt(self, settings: Settings) -> None:
        """Live by other settings from now on; state, counts and identity are kept."""
        self._adopt(settings, OutcomeClassifier(settings))
        self._obey()

    def snapshot(self) -> Snapshot:
        snapshot = self._snapshot(self.now())
        self._obey()
        return snapshot

    def read(self, *, timed: bool = True) -> Reading:
        """What was counted so far; without the time since the last look, and no ratio, when not *timed*."""
        reading = self._read(self.now() if timed else None)
        self._obey()
        return reading

    def after_fork(self) -> None:
        """In a forked child: no other thread lives, no call in flight will end, nothing was counted here."""
        self._lock = threading.RLock()
        self._counted_errors = CountedErrors()
        self._machine.forget_calls_in_flight()
        self.history.dispatcher.after_fork()
        self.history.counters.reset(self.now())
        self.fast_path.publish(self._machine)  # the thread that had just moved it may not have come that far

    def _is_inside(self) -> bool:
        """Whether this very thread is half-way through a decision already."""
        return self._lock._is_owned()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # what Condition asks

    def _pass_by(self, now: float) -> Permit | CircuitOpenError:
        if self._machine.state in _PASSING:
            return Permit.of(NO_GENERATION, self._machine.state, 0, now)
        return self._refuse(now)

    def _operate(
        self, act: Callable[[float], Transition | None], reason: str | None, actor: str | None, origin: object
    ) -> None:
        self._commands.append((act, reason, actor, origin))
        self._obey()

    def _obey(self) -> None:
        """Do what operators have commanded in the meantime, in that order."""
        if not self._commands or self._is_inside():
            return
        try:
            while self._commands:
                self._obey_next(self.now())
        except BaseException:
            self.dispatch_pending()
            raise
        self.history.dispatcher.dispatch()
