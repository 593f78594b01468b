"""A reference model of a circuit, made of lists: slow, obvious, and without the machine's data structures.

It shares only the policy with the machine. test_machine_model.py drives both and compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, Rule
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.reference_memory import Call, Memory

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otel_breaker.core.policy import Policy


class ExpectedTransition(NamedTuple):
    source: CircuitState
    target: CircuitState
    reason: Reason
    generation: int
    at: float
    counts: Counts
    threshold: float | None
    open_time: float | None
    overdue: Call | None


class ReferenceModel:
    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.state = CircuitState.CLOSED
        self.generation = 0
        self.retry_at: float | None = None
        self.failure_count = 0
        self.streak = 0
        self.memory = Memory(policy)
        self.in_flight: list[Call] = []
        self.evidence: Counts | None = None
        self.last_base: float | None = None
        self.probing_under = policy
        self.leases: list[Call] = []
        self.probes_succeeded = 0
        self.transitions: list[ExpectedTransition] = []

    # --- for callers

    def admit(self, now: float, owner: Hashable, *, exclusive: bool) -> Call | None:
        if self.state is CircuitState.OPEN and self.retry_at is not None and now >= self.retry_at:
            self._change_state(CircuitState.HALF_OPEN, Reason.RECOVERY_TIME_ELAPSED, now)
        if self.state is CircuitState.CLOSED:
            return self._admit_closed(now, exclusive=exclusive)
        if self.state is CircuitState.HALF_OPEN:
            return self._admit_half_open(now, owner)
        return Call(None, now) if self.state is CircuitState.FORCED_CLOSED else None

    def apply_time(self, now: float, jitter: float) -> None:
        """Apply what time alone causes: expired probes, overdue calls."""
        expired = [lease for lease in self.leases if lease.deadline is not None and lease.deadline <= now]
        if expired:
            first = min(expired, key=lambda lease: lease.deadline or 0.0)
            self._open(Reason.PROBE_TIMEOUT, first.deadline or 0.0, jitter, overdue=first)
        for call in list(self.in_flight):
            if call in self.in_flight and self._is_slow(call, now):
                self._count_overdue(call, now, jitter)

    def record_outcome(
        self, call: Call, outcome: Outcome, now: float, jitter: float, retry_after: float | None
    ) -> None:
        if call.generation != self.generation:
            return
        if self.state is CircuitState.CLOSED:
            self._record_closed(call, outcome, now, jitter, retry_after)
        elif call in self.leases:
            self.leases.remove(call)
            self.probes_succeeded += outcome is Outcome.SUCCESS
            if outcome is Outcome.FAILURE:
                self._fail()
                self._open(Reason.PROBE_FAILED, now, jitter, retry_after)
            elif self.probes_succeeded == self.probing_under.half_open_calls:
                self._change_state(CircuitState.CLOSED, Reason.PROBE_SUCCEEDED, now)

    def suspend(self, call: Call, now: float, jitter: float) -> None:
        """End one step of a call; the time until the next is its consumer's."""
        if self.state is CircuitState.CLOSED and call.generation == self.generation:
            if self.memory.is_kept and call.counted_at is None and self._is_slow(call, now):
                self._count_overdue(call, now, jitter)
            self._unwatch(call)
            call.started = None

    def resume(self, call: Call, now: float) -> None:
        if self.state is CircuitState.CLOSED and call.generation == self.generation:
            call.started = now
            if call.counted_at is None:
                self._watch(call)

    def count_success(self, now: float) -> None:
        self.memory.take(Call(self.generation), now, failed=False, slow=False)

    def force(self, target: CircuitState, now: float) -> None:
        if target is not self.state:
            self._change_state(target, Reason.MANUAL, now)
        elif target is CircuitState.CLOSED:
            self._begin(target)

    def adopt(self, policy: Policy, now: float) -> None:
        self.policy = policy
        self.memory.adopt(policy, now)
        if not self.memory.is_kept or policy.slow_call_duration is None:
            self.in_flight.clear()

    def counts(self, now: float) -> Counts:
        if self.evidence is not None:
            return self.evidence._replace(consecutive_failures=self.streak)
        held = self.memory.held(now)
        return Counts(self.streak, len(held), sum(call.failed for call in held), sum(call.slow for call in held))

    # --- closed

    @property
    def has_no_history(self) -> bool:
        timed = self.policy.slow_call_duration is not None or self.policy.window_seconds is not None
        return self.state is CircuitState.CLOSED and self.streak == 0 and not timed

    def _admit_closed(self, now: float, *, exclusive: bool) -> Call:
        timed = exclusive or self.policy.slow_call_duration is not None
        call = Call(self.generation, now if timed else None)
        self._watch(call)
        return call

    def _watch(self, call: Call) -> None:
        if self.memory.is_kept and self.policy.slow_call_duration is not None:
            self.in_flight.append(call)

    def _record_closed(
        self, call: Call, outcome: Outcome, now: float, jitter: float, retry_after: float | None
    ) -> None:
        self._unwatch(call)
        failed, slow = outcome is Outcome.FAILURE, self._is_slow(call, now)
        if failed:
            self._fail()
        elif outcome is Outcome.SUCCESS:
            self.streak = 0
        if call.counted_at is not None:
            call.failed |= failed
        elif slow or outcome in (Outcome.SUCCESS, Outcome.FAILURE):
            self.memory.take(call, now, failed=failed, slow=slow)
        if failed or slow:
            self._evaluate_rules(now, jitter, retry_after)

    def _unwatch(self, call: Call) -> None:
        self.in_flight = [other for other in self.in_flight if other is not call]

    def _count_overdue(self, call: Call, now: float, jitter: float) -> None:
        self._unwatch(call)
        self.memory.take(call, now, failed=False, slow=True)
        self._evaluate_rules(now, jitter, overdue=call)

    def _is_slow(self, call: Call, now: float) -> bool:
        limit = self.policy.slow_call_duration
        return limit is not None and call.started is not None and now >= call.started + limit

    def _fail(self) -> None:
        self.streak += 1
        self.failure_count += 1

    def _evaluate_rules(
        self, now: float, jitter: float, retry_after: float | None = None, overdue: Call | None = None
    ) -> None:
        reached = [rule for rule in self.policy.rules if _is_reached(rule, self.counts(now))]
        if reached:
            self._open(reached[0].reason, now, jitter, retry_after, reached[0].threshold, overdue)

    # --- transitions

    def _admit_half_open(self, now: float, owner: Hashable) -> Call | None:
        if self.probes_succeeded + len(self.leases) < self.probing_under.half_open_calls:
            probe = Call(self.generation, now, now + self.probing_under.probe_timeout, owner)
            self.leases.append(probe)
            return probe
        part_of_a_probe = owner is not None and owner in [lease.owner for lease in self.leases]
        return Call(None, now) if part_of_a_probe else None

    def _open(
        self,
        reason: Reason,
        at: float,
        jitter: float,
        retry_after: float | None = None,
        threshold: float | None = None,
        overdue: Call | None = None,
    ) -> None:
        numbers, base = self.policy, self.policy.recovery_time
        if self.last_base is not None:
            base = max(base, min(self.last_base * numbers.recovery_backoff, numbers.recovery_time_max))
        if retry_after is None:
            time = base * (1 + numbers.recovery_jitter * (2 * jitter - 1))
        else:
            time = min(max(retry_after, 0), numbers.recovery_time_max) * (1 + numbers.recovery_jitter * jitter)
        self.last_base = base
        self._change_state(CircuitState.OPEN, reason, at, threshold, time, overdue)

    def _change_state(
        self,
        target: CircuitState,
        reason: Reason,
        at: float,
        threshold: float | None = None,
        open_time: float | None = None,
        overdue: Call | None = None,
    ) -> None:
        counts, source = self.counts(at), self.state
        self.evidence = counts
        self._begin(target)
        self.retry_at = None if open_time is None else at + open_time
        self.transitions.append(
            ExpectedTransition(source, target, reason, self.generation, at, counts, threshold, open_time, overdue)
        )

    def _begin(self, state: CircuitState) -> None:
        self.generation += 1
        self.state = state
        self.in_flight, self.leases, self.probes_succeeded, self.probing_under = [], [], 0, self.policy
        if state is CircuitState.CLOSED:
            self.streak, self.memory, self.evidence, self.last_base = 0, Memory(self.policy), None, None


def _is_reached(rule: Rule, counts: Counts) -> bool:
    if isinstance(rule, ConsecutiveFailures):
        return counts.consecutive_failures >= rule.threshold
    part = counts.window_failures if isinstance(rule, FailureRate) else counts.window_slow
    minimum: int = rule.minimum_calls  # type: ignore[attr-defined]
    return counts.window_calls >= minimum and part / counts.window_calls >= rule.threshold
