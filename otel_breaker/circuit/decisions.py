"""Decisions: what a circuit does under its lock. Each is made, recorded and published as a whole.

The circuit holds the lock wherever a name ends in `_locked`. Nothing here logs, reads a clock, or calls or compares
what is not ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.circuit.chance import CHANCE
from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.circuit.counted_errors import CountedErrors
from otel_breaker.circuit.places import held_by
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import (
    CLOSED,
    CONCURRENCY_LIMIT,
    FORCED_CLOSED,
    HALF_OPEN,
    PASSING_STATES,
    REASONS_BY_STATE,
    SUCCESS,
    CircuitState,
    Outcome,
    RejectionReason,
)
from otel_breaker.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.circuit.commands import OperatorCommand
    from otel_breaker.circuit.fast_path import FastPath
    from otel_breaker.circuit.history import CircuitHistory
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.transition import Transition
    from otel_breaker.errors import CircuitOpenError


class FailedCall(NamedTuple):
    """A call that failed."""

    name: str
    """The type of its exception, or the text that its block passed."""
    error: BaseException | None
    """Its exception, where that is marked as counted."""
    owner: object
    """What ran the call."""


class Decisions:
    """The decisions of one circuit.

    Args:
        machine: changes its state.
        history: records what happens.
        fast_path: is withdrawn before each change, and published after it.
    """

    __slots__ = ("_counted_errors", "_machine", "_mode", "_successes_before", "fast_path", "history")

    def __init__(self, machine: Machine, history: CircuitHistory, fast_path: FastPath) -> None:
        self._machine = machine
        self.history = history
        self.fast_path = fast_path
        self._counted_errors: CountedErrors | None = None
        """The marks of this circuit, from its first failure on."""
        self._mode = Mode.ENFORCE
        self._successes_before = 0
        """The successes when the limit of calls in flight recorded a call last."""

    def admit_locked(
        self, now: float, owner: Hashable, holder: object
    ) -> tuple[Permit | CircuitOpenError, Sequence[PendingChange]]:
        """Admit or refuse a call; the changes are complete when the span of that call is known.

        Args:
            now: monotonic seconds.
            owner: what runs the call.
            holder: what ends the call; None when its outcome is recorded by hand.
        """
        machine = self._machine
        self.fast_path.withdraw()
        try:
            changes = self._apply_time_locked(now)
            owner = owner if machine.state is HALF_OPEN else None
            permit = machine.admit(now, owner, exclusive=holder is None)
            decision = self._enter_locked(permit, holder, now) if permit is not None else self._refuse_locked(now)
            if decision is permit and permit.deadline is not None:
                self.history.count_probe()
        finally:
            self.fast_path.publish(machine)
        self.history.complete_before(changes)
        return decision, changes

    def admit_in_between_locked(self, now: float, holder: object) -> Permit | CircuitOpenError:
        """Admit or refuse a call by the current state, in the middle of another decision."""
        state = self._machine.state
        if state in PASSING_STATES:
            return self._enter_locked(Permit.of(NO_GENERATION, state, 0, now), holder, now)
        return self._refuse_locked(now)

    def _enter_locked(self, permit: Permit, holder: object, now: float) -> Permit | CircuitOpenError:
        """Let a call that the circuit admits enter the limit of calls in flight, or refuse it."""
        limit = self.fast_path.limit
        if limit is None or not permit.takes_place:
            return permit
        held = now + self._machine.policy.probe_timeout if holder is None else held_by(holder, permit, limit)
        if limit.enter(permit, held) or (limit.take_back_expired(now) and limit.enter(permit, held)):
            return permit
        if permit.state is FORCED_CLOSED:  # an operator lets all calls pass
            limit.in_flight[permit] = held
            return permit
        limit.note_refusal()
        self._machine.withdraw(permit)
        if self._mode is Mode.SHADOW:
            return _shadowed_permit(permit.state, CONCURRENCY_LIMIT, now)
        return self.history.make_limit_refusal(permit.state, limit.limit)

    def _refuse_locked(self, now: float) -> Permit | CircuitOpenError:
        """Refuse a call; in mode `shadow`, a permit without effect."""
        state = self._machine.state
        if self._mode is Mode.SHADOW:
            return _shadowed_permit(state, REASONS_BY_STATE[state], now)
        return self.history.make_refusal(state, self._machine.retry_after(now))

    def permit_if_closed_locked(self, now: float) -> Permit:
        """A permit whose outcome has an effect only while the circuit is closed."""
        state = self._machine.state
        permit = self._machine.admit(now) if state is CLOSED else None
        return permit or Permit.of(NO_GENERATION, state, 0, now)

    def record_without_effect_locked(
        self,
        permit: Permit,
        outcome: Outcome,
        error: BaseException | None,
        failure: str | None,
        owner: object,
        span_context: object,
    ) -> bool:
        """Record an outcome that changes no state; False, without effect, when the rules have to be evaluated."""
        period = self._machine.period
        if period is None or permit is not self.fast_path.shared_permit:
            return False
        self.fast_path.withdraw_standing_permit()
        if not period.record_without_effect(permit, outcome):
            return False
        try:
            next(self.history.counters.calls[outcome])
            if failure is not None:
                self.history.record_failure(failure, span_context)
                self.history.add_evidence(failure)
                if error is not None:
                    self._mark_locked(error, period.failure_count, owner)
        finally:
            self.fast_path.publish_period(period)
        return True

    def record_outcome_locked(
        self,
        permit: Permit,
        outcome: Outcome,
        effective: Outcome,
        failure: FailedCall | None,
        now: float,
        retry_after: float | None,
        span_context: object,
    ) -> Sequence[PendingChange]:
        """Record an outcome, evaluate the rules, and change the state where they demand it.

        Args:
            permit: with which the call was admitted.
            outcome: with which the call is counted.
            effective: with which the rules are evaluated.
            failure: the failure, when the outcome is one.
            now: monotonic seconds.
            retry_after: seconds that the failure asked to wait.
            span_context: that of the call.
        """
        self.fast_path.withdraw()
        try:
            if failure is not None:
                self.history.record_failure(failure.name, span_context)
            changes = self._record_locked(permit, outcome, effective, failure, now, retry_after, span_context)
            if self.fast_path.limit is not None and permit.takes_place:
                self._adapt_limit_locked(self.fast_path.limit, permit, effective, now)
        finally:
            self.fast_path.publish(self._machine)
        self.history.complete_before(changes)
        return changes

    def _adapt_limit_locked(self, limit: ConcurrencyLimit, permit: Permit, outcome: Outcome, now: float) -> None:
        successes = self.history.counters.calls.successes()
        # The limit has not seen the calls that the fast path counted.
        ended = successes - self._successes_before + (outcome is not SUCCESS)
        self._successes_before = successes
        limit.record(outcome, permit.started, now, ended)

    def suspend_locked(self, permit: Permit, now: float) -> tuple[bool, Sequence[PendingChange]]:
        """End one step of a call; returns whether the step was slow, too."""
        self.fast_path.withdraw()
        try:
            slow = self._machine.policy.is_slow(permit.started, now)
            permit.owner = None
            transition = self._machine.suspend(permit, now, CHANCE.draw())
            changes = self._record_change_locked(transition, permit.span_context, complete=True)
        finally:
            self.fast_path.publish(self._machine)
        self.history.complete_before(changes)
        return slow, changes

    def carry_out_locked(self, command: OperatorCommand, now: float) -> None:
        """Carry out a command of an operator."""
        self.fast_path.withdraw()
        try:
            transition = command.trigger(now)
        finally:
            self.fast_path.publish(self._machine)
        if transition is not None:
            change = self.history.record_state_change(
                transition,
                self._mode,
                command.span_context,
                complete=True,
                actor=command.actor,
                manual_reason=command.reason,
            )
            self.history.complete_before([change])

    def _apply_time_locked(self, now: float) -> list[PendingChange]:
        """Make the transitions that time alone has caused since the last call."""
        machine, changes = self._machine, []
        if machine.state is CLOSED:
            return self._record_change_locked(machine.sweep(now, CHANCE.draw()), None, complete=False)
        if machine.state is HALF_OPEN:
            changes = self._record_change_locked(machine.expire(now, CHANCE.draw()), None, complete=False)
        return changes + self._record_change_locked(machine.cool_down(now), None, complete=False)

    def _record_locked(
        self,
        permit: Permit,
        outcome: Outcome,
        effective: Outcome,
        failure: FailedCall | None,
        now: float,
        retry_after: float | None,
        span_context: object,
    ) -> Sequence[PendingChange]:
        machine, history, changes = self._machine, self.history, NO_CHANGES
        if permit.shadowed is not None:
            history.counters.outages.shadowed[outcome] += 1
        if machine.has_deadlines:
            # A probe that ends after its deadline has expired; calls in flight may be overdue.
            changes = self._record_change_locked(machine.expire(now, CHANCE.draw()), span_context, complete=True)
            changes += self._record_change_locked(machine.sweep(now, CHANCE.draw()), span_context, complete=True)
        if permit.deadline is not None and permit.generation == machine.generation:
            history.record_probe_outcome(outcome)
        # Next to the machine's own count: in between, the window would count a success twice.
        next(history.counters.calls[outcome])
        before = machine.failure_count
        transition = machine.record_outcome(permit, effective, now, CHANCE.draw(), retry_after)
        if failure is not None and machine.failure_count != before:
            history.add_evidence(failure.name)
            if failure.error is not None:
                self._mark_locked(failure.error, machine.failure_count, failure.owner)
        if transition is None:
            return changes
        return [*changes, *self._record_change_locked(transition, span_context, complete=True)]

    def _mark_locked(self, error: BaseException, failure_count: int, owner: object) -> None:
        if self._counted_errors is None:
            self._counted_errors = CountedErrors()
        self._counted_errors.mark(error, failure_count, owner)

    def _record_change_locked(
        self, transition: Transition | None, span_context: object, *, complete: bool
    ) -> list[PendingChange]:
        if transition is None:
            return []
        return [self.history.record_state_change(transition, self._mode, span_context, complete=complete)]


def _shadowed_permit(state: CircuitState, reason: RejectionReason, now: float) -> Permit:
    """The permit of a call that passes only because of mode `shadow`; its outcome has no effect."""
    permit = Permit.of(NO_GENERATION, state, 0, now)
    permit.shadowed = reason
    return permit
