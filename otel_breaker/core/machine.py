"""The rules of one circuit, and nothing else.

Callers pass in the time, an owner and a random number, and get back the transition they caused, or None. The
machine calls nobody and is not safe to share: the lock is the circuit's. `jitter` is always a random number in [0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
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
    CircuitState,
    Outcome,
    Reason,
    Trigger,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.core.policy import Policy
    from otel_breaker.core.rules import Counts


@dataclass(frozen=True)
class Transition:
    """One move, with the figures that explain it."""

    source: CircuitState
    target: CircuitState
    reason: Reason
    generation: int
    """The generation that begins with it."""
    at: float
    counts: Counts
    threshold: float | None
    """The rule's, when a rule tripped the circuit."""
    open_time: float | None
    """Seconds until probing, when the circuit opened."""
    culprit: Permit | None
    """The overdue or lost call that caused it, when that is not the call which noticed."""


class Machine:
    """One circuit: its state, its generation, and what it remembers.

    Args:
        policy: the numbers it lives by.
        now: monotonic seconds.
        successes: tells how many calls have succeeded so far, whether settled here or not.
    """

    __slots__ = (
        "_closed",
        "_half_open",
        "_open_base",
        "_successes",
        "generation",
        "policy",
        "retry_at",
        "since",
        "state",
    )

    def __init__(self, policy: Policy, now: float, successes: Callable[[], int]) -> None:
        self.policy = policy
        self.state = CLOSED
        self.generation = 0
        self.since = now
        self.retry_at: float | None = None
        self._open_base: float | None = None
        self._successes = successes
        self._closed = Closed(policy, 0, 0, successes)
        self._half_open = HalfOpen(policy, 0)

    @property
    def period(self) -> Closed | None:
        """The closed period that runs."""
        return self._closed if self.state is CLOSED else None

    @property
    def has_deadlines(self) -> bool:
        """Whether something may have come to pass by time alone, while calls were in flight."""
        return self.state is HALF_OPEN or not self._closed.is_shared

    @property
    def is_idle(self) -> bool:
        """Whether it is closed, and nothing is held against it or watched."""
        return self.state is CLOSED and self._closed.is_idle

    @property
    def failure_count(self) -> int:
        """How many failures were counted so far."""
        return self._closed.failure_count

    @property
    def probes_in_flight(self) -> int:
        return self._half_open.in_flight

    def counts(self, now: float) -> Counts:
        """What is known of recent calls; while the circuit is not closed, what was known when it left."""
        return self._closed.counts(now)

    def retry_after(self, now: float) -> float | None:
        """Seconds until a probe may go; None when only an operator can tell."""
        if self.state is FORCED_OPEN:
            return None
        return max(0.0, self.retry_at - now) if self.retry_at is not None else 0.0

    def trip_ratio(self, now: float) -> float:
        """How near it is to tripping, from 0 to 1.

        It is 1 until it has closed again: half-open it is one failure away, forced open it refuses as if tripped.
        Nothing can trip it while it is forced closed, so that is 0.
        """
        if self.state is CircuitState.CLOSED:
            return self._closed.trip_ratio(now)
        return 0.0 if self.state is CircuitState.FORCED_CLOSED else 1.0

    def expire(self, now: float, jitter: float) -> Transition | None:
        """Re-open when a probe was not heard of in time; the open time counts from its deadline."""
        lost = self._half_open.first_expired(now) if self.state is HALF_OPEN else None
        if lost is None or lost.deadline is None:
            return None
        return self._open(Trigger.RELAPSE, Reason.PROBE_TIMEOUT, lost.deadline, None, jitter, culprit=lost)

    def cool_down(self, now: float) -> Transition | None:
        """Begin to probe when the open time has passed."""
        if self.state is not OPEN or self.retry_at is None or now < self.retry_at:
            return None
        return self._move(Trigger.COOL_DOWN, Reason.RECOVERY_TIME_ELAPSED, now)

    def sweep(self, now: float, jitter: float) -> Transition | None:
        """Count overdue calls in flight as slow, and trip when they are too many."""
        trip = self._closed.sweep(now) if self.state is CLOSED else None
        return None if trip is None else self._trip(trip, now, None, jitter)

    def admit(self, now: float, owner: Hashable = None, *, exclusive: bool = False) -> Permit | None:
        """Give a permit for one call, or None.

        Args:
            now: monotonic seconds.
            owner: who runs the call; its nested calls pass as part of its probe.
            exclusive: the permit must be the caller's own, to be settled by hand.
        """
        if self.state is CLOSED:
            return self._closed.admit(now, owner, exclusive=exclusive)
        if self.state is HALF_OPEN:
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
        """Judge the result of a call; that of an older generation changes nothing.

        Args:
            permit: what the call was admitted with.
            outcome: what became of it.
            now: monotonic seconds.
            jitter: see the module.
            retry_after: seconds that a failure asked to wait.
        """
        if outcome is SUCCESS:
            self._closed.count_settled_success()
        if permit.generation != self.generation:
            return None
        if self.state is CLOSED:
            trip = self._closed.record_outcome(permit, outcome, now)
            return None if trip is None else self._trip(trip, now, retry_after, jitter)
        trigger = self._half_open.record_outcome(permit, outcome)
        if trigger is Trigger.RELAPSE:
            self._closed.count_failure()
            return self._open(trigger, Reason.PROBE_FAILED, now, retry_after, jitter)
        return None if trigger is None else self._move(trigger, Reason.PROBE_SUCCEEDED, now)

    def leave(self, permit: Permit) -> None:
        """A call ends, or waits for its consumer, of which nothing is judged; safe at any moment."""
        self._closed.leave(permit)

    def suspend(self, permit: Permit, now: float, jitter: float) -> Transition | None:
        """A call of several steps ends one of them."""
        if permit.generation != self.generation or self.state is not CLOSED:
            return None
        trip = self._closed.suspend(permit, now)
        return None if trip is None else self._trip(trip, now, None, jitter)

    def resume(self, permit: Permit, now: float) -> None:
        """A call of several steps begins another."""
        if permit.generation == self.generation and self.state is CLOSED:
            self._closed.resume(permit, now)

    def force_open(self, now: float) -> Transition | None:
        return self._move(Trigger.FORCE_OPEN, Reason.MANUAL, now)

    def force_closed(self, now: float) -> Transition | None:
        return self._move(Trigger.FORCE_CLOSED, Reason.MANUAL, now)

    def reset(self, now: float) -> Transition | None:
        """Close, and forget what was counted, also when the circuit was closed already."""
        if self.state is CLOSED:
            self._begin(CLOSED, self.since)
            return None
        return self._move(Trigger.RESET, Reason.MANUAL, now)

    def adopt(self, policy: Policy) -> None:
        """Go on under other rules; state, streak and, where it still fits, the window are kept."""
        self.policy = policy
        self._closed.adopt(policy)

    def forget_calls_in_flight(self) -> None:
        """None of the calls that hold permits will ever be heard of."""
        self._half_open = HalfOpen(self.policy, self.generation)
        self._closed.forget_calls_in_flight()

    def _trip(self, trip: Trip, now: float, retry_after: float | None, jitter: float) -> Transition | None:
        return self._open(Trigger.TRIP, trip.rule.reason, now, retry_after, jitter, trip=trip, culprit=trip.overdue)

    def _open(
        self,
        trigger: Trigger,
        reason: Reason,
        at: float,
        retry_after: float | None,
        jitter: float,
        *,
        trip: Trip | None = None,
        culprit: Permit | None = None,
    ) -> Transition | None:
        self._open_base, open_time = self.policy.open_time(self._open_base, retry_after, jitter)
        return self._move(trigger, reason, at, open_time=open_time, trip=trip, culprit=culprit)

    def _move(
        self,
        trigger: Trigger,
        reason: Reason,
        at: float,
        *,
        open_time: float | None = None,
        trip: Trip | None = None,
        culprit: Permit | None = None,
    ) -> Transition | None:
        source, target = self.state, TRANSITIONS.get((self.state, trigger))
        if target is None:
            return None
        counts = trip.counts if trip is not None else self._closed.counts(at)
        threshold = trip.rule.threshold if trip is not None else None
        left = self._closed
        self._begin(target, at, at + open_time if open_time is not None else None)
        if source is CLOSED:
            left.end(counts)
        return Transition(source, target, reason, self.generation, at, counts, threshold, open_time, culprit)

    def _begin(self, state: CircuitState, at: float, retry_at: float | None = None) -> None:
        generation, closed, base = self.generation + 1, self._closed, self._open_base
        half_open = HalfOpen(self.policy, generation)
        if state is CLOSED:
            closed, base = Closed(self.policy, generation, closed.failure_count, self._successes), None
        # All at once, without a call between: at any call an interrupt may come, and leave a circuit of two halves.
        self.generation, self._half_open, self._closed, self._open_base = generation, half_open, closed, base
        self.state, self.since, self.retry_at = state, at, retry_at
