"""A closed circuit: the counts of its calls, and the rules that trip it.

machine.py decides which state comes next, and for how long.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.core.in_flight import NO_CALLS_IN_FLIGHT, CallsInFlight
from otel_breaker.core.permits import Permit, SharedPermit
from otel_breaker.core.rules import ConsecutiveFailures, Counts, Rule
from otel_breaker.core.states import CLOSED, FAILURE, SUCCESS, Outcome
from otel_breaker.core.windows import NEVER, WindowTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.core.policy import Policy


class Trip(NamedTuple):
    """A rule that has reached its threshold, and the counts that it evaluated."""

    rule: Rule
    counts: Counts
    overdue: Permit | None
    """The overdue call that was counted last, when no call has just ended."""


class Closed:
    """Streak, window and calls in flight of one closed period; kept as evidence while the circuit is open.

    Args:
        policy: the rules and their numbers.
        generation: that of the period.
        failure_count: the failures that the circuit counted before the period.
        successes: reads how many calls of the circuit have succeeded so far. Most successes are only counted there,
            and not recorded here, which is why they cost little.
    """

    __slots__ = (
        "_failure_threshold",
        "_final_totals",
        "_is_timeless",
        "_policy",
        "_reported_successes",
        "_successes",
        "_timed_calls",
        "failure_count",
        "generation",
        "in_flight",
        "is_shared",
        "shared_permit",
        "slow_after",
        "streak",
        "window",
    )

    def __init__(self, policy: Policy, generation: int, failure_count: int, successes: Callable[[], int]) -> None:
        self._timed_calls: CallsInFlight | None = None
        self.in_flight = NO_CALLS_IN_FLIGHT
        self._apply(policy)
        self._successes = successes
        self._reported_successes = successes()
        self._final_totals: WindowTotals | None = None
        self.generation = generation
        self.failure_count = failure_count
        self.streak = 0
        self.window = policy.new_window()
        self.shared_permit = self._new_shared_permit()

    @property
    def has_no_history(self) -> bool:
        """Whether a success has no effect but its count."""
        return not self.streak and self._is_timeless

    @property
    def quiet_until(self) -> float:
        """Until when an admission, or the success of a call that was not slow, has no effect but a count."""
        if self.streak:
            return NEVER
        turns_at = self.window.turns_at if self.window is not None else inf
        timed = self._timed_calls
        return turns_at if self.is_shared or timed is None else min(turns_at, timed.none_overdue_until)

    @property
    def is_idle(self) -> bool:
        return not self.streak and not self.in_flight

    def admit(self, now: float, owner: Hashable, *, exclusive: bool) -> Permit:
        if self.is_shared and not exclusive:
            return self.shared_permit
        permit = Permit.of(self.generation, CLOSED, self.failure_count, now)
        permit.owner = owner
        self._watch(permit)
        return permit

    def record_from(self, seconds: float) -> None:
        """Have the success of a call that takes this long recorded, though it may be slow for no rule."""
        slow = self._policy.slow_call_duration
        self.slow_after = seconds if slow is None else min(slow, seconds)

    # The next two are safe without the lock, until `quiet_until`; guard/fast_path.py has a copy of them written out.

    def admit_quietly(self, now: float) -> Permit:
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = self.generation, self.failure_count, now
        self.in_flight[permit] = True
        return permit

    def succeed_quietly(self, permit: Permit, now: float) -> bool:
        """Whether a success has no effect but its count: False for a call of an earlier period, and an overdue one."""
        started = permit.started
        return started is not None and now < started + self.slow_after and self.in_flight.pop(permit, False)

    def leave(self, permit: Permit) -> None:
        """Forget a call that is in flight; safe without the lock."""
        self.in_flight.pop(permit, None)

    def suspend(self, permit: Permit, now: float) -> Trip | None:
        """End one step of a call, which then waits for its consumer."""
        self.in_flight.pop(permit, None)
        started, permit.started = permit.started, None
        if permit.window_slot is not None or not self._policy.is_slow(started, now):
            return None
        return self._count_overdue(permit, now)

    def resume(self, permit: Permit, now: float) -> None:
        """Begin the next step of a call."""
        permit.started = now
        self._watch(permit)

    def record_without_effect(self, permit: Permit, outcome: Outcome) -> bool:
        """Record an outcome that cannot trip and needs no time; False, without effect, for any other."""
        if permit is not self.shared_permit or self.window is not None:
            return False
        if outcome is FAILURE:
            if self.streak + 1 >= self._failure_threshold:
                return False
            self.count_failure()
        elif outcome is SUCCESS:
            self.streak = 0
        return True

    def record_outcome(self, permit: Permit, outcome: Outcome, now: float) -> Trip | None:
        """Record the outcome of a call of this period."""
        self.in_flight.pop(permit, None)
        failed, slow = outcome is FAILURE, self._policy.is_slow(permit.started, now)
        if failed:
            self.count_failure()
        elif outcome is SUCCESS:
            self.streak = 0
        if self.window is not None and (slow or outcome in (SUCCESS, FAILURE)):
            if permit.window_slot is None:
                self.window.add(now, self._unreported, failed=failed, slow=slow)
            elif failed and permit.window_slot[0] is self.window:
                self.window.mark_failed(permit.window_slot[1], now, self._unreported)
        if failed or slow:
            return self._evaluate_rules(now)
        return None

    def sweep(self, now: float) -> Trip | None:
        """Count each overdue call once as slow, and evaluate the rules after each."""
        timed = self._timed_calls
        if self.is_shared or timed is None or now < timed.none_overdue_until:
            return None
        for permit in timed.take_overdue(now):
            trip = self._count_overdue(permit, now)
            if trip is not None:
                return trip
        return None

    def counts(self, now: float) -> Counts:
        totals = self._final_totals
        if totals is None:
            totals = self.window.totals(now, self._unreported) if self.window is not None else WindowTotals(0, 0, 0)
        return Counts(self.streak, *totals)

    def trip_ratio(self, now: float) -> float:
        """The largest share of its threshold that any rule has reached, at most 1."""
        counts = self.counts(now)
        return min(1.0, max((rule.observed(counts) / rule.threshold for rule in self._policy.rules), default=0.0))

    def count_failure(self) -> None:
        self.streak += 1
        self.failure_count += 1
        # A new permit with the new count: it distinguishes calls admitted before a failure from those after.
        self.shared_permit = self._new_shared_permit()

    def count_reported_success(self) -> None:
        """Count a success that is recorded here, of any period: it is not one of the unreported ones."""
        self._reported_successes += 1

    def end(self, counts: Counts) -> None:
        """Keep the counts with which the circuit left the state; no call of the period counts after that."""
        self.forget_calls_in_flight()
        self._final_totals = WindowTotals(*counts[1:])

    def forget_calls_in_flight(self) -> None:
        self.in_flight.clear()

    def adopt(self, policy: Policy) -> None:
        before, self.window = self.window, policy.fit_window(self.window)
        self._apply(policy)
        if self.window is not before:
            self._reported_successes = self._successes()
        if self.window is None or self.is_shared:
            self.forget_calls_in_flight()

    def _apply(self, policy: Policy) -> None:
        self._policy = policy
        self.slow_after = inf if policy.slow_call_duration is None else policy.slow_call_duration
        if self._timed_calls is not None:
            self._timed_calls.adopt(self.slow_after)
        elif policy.slow_call_duration is not None or policy.is_limited:
            self._timed_calls = CallsInFlight(self.slow_after)
            self.in_flight = self._timed_calls.permits
        self.is_shared = policy.slow_call_duration is None and not policy.is_limited
        """Whether calls share a permit, because neither their durations nor their number matter."""
        self._is_timeless = not policy.needs_clock
        streaks = (rule.threshold for rule in policy.rules if isinstance(rule, ConsecutiveFailures))
        self._failure_threshold = min(streaks, default=inf)

    @property
    def _unreported(self) -> int:
        return self._successes() - self._reported_successes if self.window is not None else 0

    def _new_shared_permit(self) -> Permit:
        permit = SharedPermit()
        permit.generation, permit.failure_count, permit.started = self.generation, self.failure_count, None
        return permit

    def _watch(self, permit: Permit) -> None:
        if self.window is not None and not self.is_shared and permit.window_slot is None:
            self.in_flight[permit] = True

    def _count_overdue(self, permit: Permit, now: float) -> Trip | None:
        if self.window is None:
            return None
        permit.window_slot = self.window, self.window.add(now, self._unreported, failed=False, slow=True)
        return self._evaluate_rules(now, overdue=permit)

    def _evaluate_rules(self, now: float, overdue: Permit | None = None) -> Trip | None:
        counts = self.counts(now)
        for rule in self._policy.rules:
            if rule.observed(counts) >= rule.threshold:
                return Trip(rule, counts, overdue)
        return None
