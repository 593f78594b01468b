"""One circuit, as calls use it: they acquire a permit, record an outcome, and have state changes dispatched.

A signal handler or a finaliser may make a guarded call at any instruction, even while its own thread is in the middle
of a decision. The lock is re-entrant, so it would let that call in. Such a call is admitted or refused by the current
state and counted, and has no other effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.circuit.decisions import FailedCall
from otel_breaker.circuit.managed import ManagedCircuit
from otel_breaker.circuit.owners import running, running_owner
from otel_breaker.circuit.places import held_by
from otel_breaker.core.states import FAILURE, IGNORED, RECOVERING_STATES, SUCCESS, Outcome
from otel_breaker.text import OTHER, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.errors import CircuitOpenError


class Circuit(ManagedCircuit):
    """One circuit; see `ManagedCircuit` for the parameters."""

    __slots__ = ()

    def acquire_permit(self, holder: object = None) -> tuple[Permit | CircuitOpenError, Sequence[PendingChange]]:
        """Admit or refuse one call.

        Args:
            holder: what ends the call; a place in flight is given back when it is collected. None for a caller that
                needs a permit of its own, whose outcome it records by hand.

        Returns:
            A permit, or the refusal to raise; and the state changes that the decision caused, which the caller passes
            to `dispatch_changes` once it knows its own span.
        """
        decided = self.fast_path.try_admit(holder) or self.fast_path.try_refuse()
        if decided is not None:
            return decided, NO_CHANGES
        now = self.now()
        if self._is_inside():
            return self.admit_in_between_locked(now, holder), NO_CHANGES
        # Not under the lock: other libraries answer what runs.
        owner = running_owner() if self._machine.state in RECOVERING_STATES and holder is not None else None
        return self._under_lock(self.admit_locked, now, owner, holder)

    def dispatch_changes(self, changes: Sequence[PendingChange], span_context: object) -> None:
        """Deliver the state changes that a decision caused.

        Args:
            changes: as `acquire_permit` returned them.
            span_context: that of the call, or None.
        """
        if changes:
            self._under_lock(self.history.attach_span_context, changes, span_context)

    def record_outcome(
        self,
        permit: Permit,
        outcome: Outcome,
        *,
        error: BaseException | None = None,
        error_type: str | None = None,
        retry_after: float | None = None,
        detached: bool = False,
        span_context: object = None,
    ) -> Sequence[PendingChange]:
        """Record the outcome of an admitted call.

        Args:
            permit: with which the call was admitted.
            outcome: how the call ended.
            error: the exception that it raised; not kept.
            error_type: the name of a failure without an exception.
            retry_after: seconds that such a failure asked to wait.
            detached: whether the call ended in a callback, or by hand, rather than where it was made.
            span_context: that of the call.

        Returns:
            The state changes that it caused, already delivered.
        """
        limit = self.fast_path.limit
        if limit is not None:
            limit.leave(permit)
        if self._lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # `_is_inside`, written out
            self._machine.leave(permit)
            next(self.history.counters.calls[outcome])
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
            if permit.is_shared and self._under_lock(
                self.record_without_effect_locked, permit, outcome, marked, failure, owner, span_context
            ):
                return NO_CHANGES
            effective, failed = outcome, None
            if failure is not None:
                failed = FailedCall(failure, marked, owner)
                counted = self._counted_errors
                if error is not None and counted is not None and counted.is_counted(error, permit, owner):
                    effective = IGNORED
            now = self.now()
            return self._under_lock(
                self.record_outcome_locked, permit, outcome, effective, failed, now, retry_after, span_context
            )
        except BaseException:
            self._machine.leave(permit)
            raise

    def suspend(self, permit: Permit) -> tuple[bool, Sequence[PendingChange]]:
        """End one step of a call, which then waits for its consumer.

        Returns:
            Whether the step was slow, and the state changes that it caused, already delivered.
        """
        limit = self.fast_path.limit
        if limit is not None:
            limit.leave(permit)
        if self._is_inside():
            self._machine.leave(permit)
            permit.started = permit.owner = None
            return False, NO_CHANGES
        return self._under_lock(self.suspend_locked, permit, self.now())

    def resume(self, permit: Permit, holder: object) -> None:
        """Begin the next step of a call, perhaps in another thread or task; no limit of calls in flight refuses it.

        Args:
            permit: with which the call was admitted.
            holder: what ends the call.
        """
        now, limit = self.now(), self.fast_path.limit
        if limit is not None and permit.takes_place:
            limit.in_flight[permit] = held_by(holder, permit, limit)
        if permit.deadline is not None:
            permit.owner = running_owner()
        self._under_lock(self._machine.resume, permit, now)

    def permit_for_unrequested_result(self) -> Permit:
        """For the outcome of a call without a permit: it has an effect only while the circuit is closed."""
        return self._under_lock(self.permit_if_closed_locked, self.now())

    def record_success(self, permit: Permit) -> None:
        """Record the success of a call without a span."""
        if not self.fast_path.try_record_success(permit):
            self.record_outcome(permit, SUCCESS)

    def record_error(self, permit: Permit, error: BaseException) -> None:
        """Record the exception of a call without a span."""
        outcome = self.classifier.known_outcomes.get(id(type(error)))
        if outcome is not None:
            self.record_outcome(permit, outcome, error=error)
            return
        outcome = FAILURE  # in case the classification is interrupted
        try:
            outcome = self.classifier.classify_error(error)
        finally:
            self.record_outcome(permit, outcome, error=error)

    def is_slow(self, permit: Permit) -> bool:
        """Whether a call that ends now was slow."""
        return self.settings.slow_call_duration is not None and self._machine.policy.is_slow(permit.started, self.now())
