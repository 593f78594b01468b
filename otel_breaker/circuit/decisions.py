"""Decisions: what a circuit does under its lock. Each is made, recorded and published as a whole.

The circuit holds the lock wherever a name ends in `_locked`. Nothing here logs, reads a clock, or calls or compares
what is not ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.circuit.admissions import Admissions
from otel_breaker.circuit.chance import CHANCE
from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.circuit.counted_errors import CountedErrors
from otel_breaker.core.states import SUCCESS, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.circuit.commands import OperatorCommand
    from otel_breaker.circuit.fast_path import FastPath
    from otel_breaker.circuit.history import CircuitHistory
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.permits import Permit


class FailedCall(NamedTuple):
    """A call that failed."""

    name: str
    """The type of its exception, or the text that its block passed."""
    error: BaseException | None
    """Its exception, where that is marked as counted."""
    owner: object
    """What ran the call."""


class Decisions(Admissions):
    """The decisions of one circuit; see `Admissions` for the parameters."""

    __slots__ = ("_counted_errors", "_successes_before")

    def __init__(self, machine: Machine, history: CircuitHistory, fast_path: FastPath) -> None:
        super().__init__(machine, history, fast_path)
        self._counted_errors: CountedErrors | None = None
        """The marks of this circuit, from its first failure on."""
        self._successes_before = 0
        """The successes when the limit of calls in flight recorded a call last."""

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
