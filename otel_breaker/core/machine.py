"""The machine: the state of one circuit, and its transitions.

Callers pass in the time, an owner and a random number, and receive the transition that they cause, or None. The
machine is not safe to share between threads: the circuit holds the lock. `jitter` is a random number in [0, 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.closed import Closed, Trip
from otel_breaker.core.half_open import HalfOpen
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import (
    CLOSED,
    FORCED_CLOSED,
    FORCED_OPEN,
    HALF_OPEN,
    OPEN,
    SUCCESS,
    TRANSITIONS,
    Outcome,
    Reason,
    Trigger,
)
from otel_breaker.core.transition import Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.core.policy import Policy
    from otel_breaker.core.rules import Counts
    from otel_breaker.core.states import CircuitState


class Machine:
    """One circuit: its state, its generation, and the counts of its calls.

    Args:
        policy: its rules and numbers.
        successes: reads how many calls have succeeded so far, whether recorded here or not.
    """

    __slots__ = (
        "_closed",
        "_half_open",
        "_open_base",
        "_successes",
        "generation",
        "policy",
        "retry_at",
        "state",
    )

    def __init__(self, policy: Policy, successes: Callable[[], int]) -> None:
        self.policy = policy
        self.state = CLOSED
        self.generation = 0
        self.retry_at: float | None = None
        self._open_base: float | None = None
        self._successes = successes
        self._closed = Closed(policy, 0, 0, successes)
        self._half_open: HalfOpen | None = None

    @property
    def period(self) -> Closed | None:
        """The current closed period; None in any other state."""
        return self._closed if self.state is CLOSED else None

    @property
    def has_deadlines(self) -> bool:
        """Whether time alone may cause a transition while calls are in flight."""
        return self.state is HALF_OPEN or not self._closed.is_shared

    @property
    def is_idle(self) -> bool:
        """Whether it is closed, without a failure streak or a timed call in flight."""
        return self.state is CLOSED and self._closed.is_idle

    @property
    def failure_count(self) -> int:
        """The failures that were counted so far."""
        return self._closed.failure_count

    @property
    def probes_in_flight(self) -> int:
        return 0 if self._half_open is None else self._half_open.in_flight

    def counts(self, now: float) -> Counts:
        """The counts of recent calls; while the circuit is not closed, those with which it left that state."""
        return self._closed.counts(now)

    def retry_after(self, now: float) -> float | None:
        """Seconds until a probe may be admitted; None when only an operator can end the state."""
        if self.state is FORCED_OPEN:
            return None
        return max(0.0, self.retry_at - now) if self.retry_at is not None else 0.0

    def trip_ratio(self, now: float) -> float:
        """The share of a rule's threshold that is reached, from 0 to 1.

        It is 1 from the trip until the circuit closes: half-open, one failure opens it; forced open, it refuses as if
        tripped. It is 0 while the circuit is forced closed, because nothing can trip it.
        """
        if self.state is CLOSED:
            return self._closed.trip_ratio(now)
        return 0.0 if self.state is FORCED_CLOSED else 1.0

    def expire(self, now: float, jitter: float) -> Transition | None:
        """Open again when a probe's lease has expired; the open time counts from its deadline."""
        expired = None if self._half_open is None else self._half_open.first_expired(now)
        if expired is None or expired.deadline is None:
            return None
        return self._open(Trigger.RELAPSE, Reason.PROBE_TIMEOUT, expired.deadline, None, jitter, overdue=expired)

    def cool_down(self, now: float) -> Transition | None:
        """Become half-open when the open time has passed."""
        if self.state is not OPEN or self.retry_at is None or now < self.retry_at:
            return None
        return self._change_state(Trigger.COOL_DOWN, Reason.RECOVERY_TIME_ELAPSED, now)

    def sweep(self, now: float, jitter: float) -> Transition | None:
        """Count overdue calls as slow, and trip when they are too many."""
        trip = self._closed.sweep(now) if self.state is CLOSED else None
        return None if trip is None else self._trip(trip, now, None, jitter)

    def admit(self, now: float, owner: Hashable = None, *, exclusive: bool = False) -> Permit | None:
        """Admit one call: a permit, or None.

        Args:
            now: monotonic seconds.
            owner: what runs the call; its nested calls pass as part of its probe.
            exclusive: the caller needs a permit of its own, which it settles by hand.
        """
        if self.state is CLOSED:
            return self._closed.admit(now, owner, exclusive=exclusive)
        if self._half_open is not None:
            return self._half_open.admit(now, owner, self._closed.failure_count)
        if self.state is FORCED_CLOSED:
            return Permit.of(NO_GENERATION, self.state, self._closed.failure_count, now)
        return None

    def record_outcome(
        self,
        permit: Permit,
        outcome: Outcome,
        now: float,
        jitter: float,
        retry_after: float | None = None,
    ) -> Transition | None:
        """Record the outcome of a call; one of an older generation has no effect.

        Args:
            permit: with which the call was admitted.
            outcome: how the call ended.
            now: monotonic seconds.
            jitter: a random number in [0, 1).
            retry_after: seconds that a failure asked to wait.
        """
        if outcome is SUCCESS:
            self._closed.count_reported_success()
        if permit.generation != self.generation:
            return None
        if self.state is CLOSED:
            trip = self._closed.record_outcome(permit, outcome, now)
            return None if trip is None else self._trip(trip, now, retry_after, jitter)
        trigger = None if self._half_open is None else self._half_open.record_outcome(permit, outcome)
        if trigger is Trigger.RELAPSE:
            self._closed.count_failure()
            return self._open(trigger, Reason.PROBE_FAILED, now, retry_after, jitter)
        return None if trigger is None else self._change_state(trigger, Reason.PROBE_SUCCEEDED, now)

    def leave(self, permit: Permit) -> None:
        """Forget a call that is in flight; safe without the lock."""
        self._closed.leave(permit)

    def withdraw(self, permit: Permit) -> None:
        """Take back the admission of a call that will not run."""
        self._closed.leave(permit)
        if self._half_open is not None:
            self._half_open.withdraw(permit)

    def suspend(self, permit: Permit, now: float, jitter: float) -> Transition | None:
        """End one step of a call, which then waits for its consumer."""
        if permit.generation != self.generation or self.state is not CLOSED:
            return None
        trip = self._closed.suspend(permit, now)
        return None if trip is None else self._trip(trip, now, None, jitter)

    def resume(self, permit: Permit, now: float) -> None:
        """Begin the next step of a call."""
        if permit.generation == self.generation and self.state is CLOSED:
            self._closed.resume(permit, now)

    def force_open(self, now: float) -> Transition | None:
        return self._change_state(Trigger.FORCE_OPEN, Reason.MANUAL, now)

    def force_closed(self, now: float) -> Transition | None:
        return self._change_state(Trigger.FORCE_CLOSED, Reason.MANUAL, now)

    def reset(self, now: float) -> Transition | None:
        """Close, and forget all counts; a closed circuit begins a new period without a transition."""
        if self.state is CLOSED:
            self._begin(CLOSED)
            return None
        return self._change_state(Trigger.RESET, Reason.MANUAL, now)

    def adopt(self, policy: Policy) -> None:
        """Apply another policy; state, streak and, where it still fits, the window are kept."""
        self.policy = policy
        self._closed.adopt(policy)

    def forget_calls_in_flight(self) -> None:
        """Forget all calls in flight, because none of them will end."""
        if self._half_open is not None:
            self._half_open = HalfOpen(self.policy, self.generation)
        self._closed.forget_calls_in_flight()

    def _trip(self, trip: Trip, now: float, retry_after: float | None, jitter: float) -> Transition | None:
        return self._open(Trigger.TRIP, trip.rule.reason, now, retry_after, jitter, trip=trip, overdue=trip.overdue)

    def _open(
        self,
        trigger: Trigger,
        reason: Reason,
        at: float,
        retry_after: float | None,
        jitter: float,
        *,
        trip: Trip | None = None,
        overdue: Permit | None = None,
    ) -> Transition | None:
        self._open_base, open_time = self.policy.open_time(self._open_base, retry_after, jitter)
        return self._change_state(trigger, reason, at, open_time=open_time, trip=trip, overdue=overdue)

    def _change_state(
        self,
        trigger: Trigger,
        reason: Reason,
        at: float,
        *,
        open_time: float | None = None,
        trip: Trip | None = None,
        overdue: Permit | None = None,
    ) -> Transition | None:
        source, target = self.state, TRANSITIONS.get((self.state, trigger))
        if target is None:
            return None
        counts = trip.counts if trip is not None else self._closed.counts(at)
        threshold = trip.rule.threshold if trip is not None else None
        period = self._closed
        self._begin(target, at + open_time if open_time is not None else None)
        if source is CLOSED:
            period.end(counts)
        return Transition(source, target, reason, self.generation, at, counts, threshold, open_time, overdue)

    def _begin(self, state: CircuitState, retry_at: float | None = None) -> None:
        generation, closed, base = self.generation + 1, self._closed, self._open_base
        half_open = HalfOpen(self.policy, generation) if state is HALF_OPEN else None
        if state is CLOSED:
            closed, base = Closed(self.policy, generation, closed.failure_count, self._successes), None
        # Without a call in between: an interrupt may come at any call, and must not leave half of a transition.
        self.generation, self._half_open, self._closed, self._open_base = generation, half_open, closed, base
        self.state, self.retry_at = state, retry_at
