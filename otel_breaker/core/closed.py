"""A closed circuit: what it remembers of its calls, and whether that is bad enough to trip.

Which state comes next, and for how long, is not decided here but in machine.py.
"""

from __future__ import annotations

from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import ConsecutiveFailures, Counts, Rule
from otel_breaker.core.states import CLOSED, FAILURE, SUCCESS, Outcome
from otel_breaker.core.windows import WindowTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.core.policy import Policy


_FEW: Final = 16


class Trip(NamedTuple):
    """A rule that fired, and what it saw."""

    rule: Rule
    counts: Counts
    overdue: Permit | None
    """The call in flight that tipped the scale, when it was not the one that was judged."""


class Closed:
    """Streak, window and calls in flight of one closed period; kept as evidence while the circuit is open.

    Args:
        policy: what is judged, and how.
        generation: that of the period.
        epoch: how many failures the circuit has counted before it.
        successes: tells how many calls of the circuit have succeeded so far. Most of them are only counted there,
            not settled here: that is what makes a success cheap.
    """

    __slots__ = (
        "_due",
        "_final",
        "_is_timeless",
        "_longest_streak",
        "_policy",
        "_successes",
        "_told",
        "failure_count",
        "generation",
        "in_flight",
        "is_shared",
        "slow_after",
        "standing",
        "streak",
        "window",
    )

    def __init__(self, policy: Policy, generation: int, epoch: int, successes: Callable[[], int]) -> None:
        self._live_by(policy)
        self._successes = successes
        self._told = successes()
        self.in_flight: dict[Permit, bool] = {}
        self._due = -inf
        """Until when no call in flight will be overdue."""
        self._final: WindowTotals | None = None
        self.generation = generation
        self.failure_count = epoch
        self.streak = 0
        self.window = policy.new_window()
        self.standing = self._new_standing()

    @property
    def has_no_history(self) -> bool:
        """Whether a success would change nothing, so that all calls may share one permit."""
        return not self.streak and self._is_timeless

    @property
    def quiet_until(self) -> float:
        """Until when an admission, or the success of a call that was not slow, changes nothing but a number."""
        if self.streak:
            return -inf
        turns_at = self.window.turns_at if self.window is not None else inf
        return turns_at if self.is_shared else min(turns_at, self._due)

    @property
    def is_idle(self) -> bool:
        return not self.streak and not self.in_flight

    def admit(self, now: float, owner: Hashable, *, exclusive: bool) -> Permit:
        if self.is_shared and not exclusive:
            return self.standing
        permit = Permit.of(self.generation, CLOSED, self.failure_count, now)
        permit.owner = owner
        self._watch(permit)
        return permit

    # The next two are safe without the lock, until `quiet_until`; guard/hot.py has them written out.

    def admit_quietly(self, now: float) -> Permit:
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = self.generation, self.failure_count, now
        self.in_flight[permit] = True
        return permit

    def succeed_quietly(self, permit: Permit, now: float) -> bool:
        """Whether a success was but one more: what is not in flight is of an earlier period, or counted as overdue."""
        return self.in_flight.pop(permit, False) and not self._policy.is_slow(permit.started, now)

    def leave(self, permit: Permit) -> None:
        """A call ends, or waits, unjudged; safe without the lock, too."""
        self.in_flight.pop(permit, None)

    def suspend(self, permit: Permit, now: float) -> Trip | None:
        """A call waits for its consumer: one step of it is over."""
        self.in_flight.pop(permit, None)
        started, permit.started = permit.started, None
        if permit.window_slot is not None or not self._policy.is_slow(started, now):
            return None
        return self._count_late(permit, now)

    def resume(self, permit: Permit, now: float) -> None:
        """The next step of a call begins."""
        permit.started = now
        self._watch(permit)

    def record_without_effect(self, permit: Permit, outcome: Outcome) -> bool:
        """Take in a result that cannot trip and needs no clock; False, having done nothing, when it must be judged."""
        if permit is not self.standing or self.window is not None:
            return False
        if outcome is FAILURE:
            if self.streak + 1 >= self._longest_streak:
                return False
            self.count_failure()
        elif outcome is SUCCESS:
            self.streak = 0
        return True

    def record_outcome(self, permit: Permit, outcome: Outcome, now: float) -> Trip | None:
        """Take in the result of a call of this period."""
        self.in_flight.pop(permit, None)
        failed, slow = outcome is FAILURE, self._policy.is_slow(permit.started, now)
        if failed:
            self.count_failure()
        elif outcome is SUCCESS:
            self.streak = 0
        if self.window is not None and (slow or outcome in (SUCCESS, FAILURE)):
            if permit.window_slot is None:
                self.window.add(now, self._untold, failed=failed, slow=slow)
            elif failed and permit.window_slot[0] is self.window:
                self.window.mark_failed(permit.window_slot[1], now, self._untold)
        if failed or slow:
            return self._judge(now)
        return None

    def sweep(self, now: float) -> Trip | None:
        """Count the calls in flight that are overdue as slow, once each, and judge them."""
        if self.is_shared or now < self._due:
            return None
        self._due = now + self.slow_after  # what begins from now on
        number = _FEW
        while oldest := self._oldest(number):
            for permit in oldest:
                if not self._policy.is_slow(permit.started, now):
                    self._due = (permit.started or now) + self.slow_after
                    return None
                # Calls that succeed quickly take themselves out at any moment.
                trip = self._count_late(permit, now) if self.in_flight.pop(permit, False) else None
                if trip is not None:
                    return trip
            number *= 2  # to find the oldest takes as long as there were calls before it
        return None

    def counts(self, now: float) -> Counts:
        totals = self._final
        if totals is None:
            totals = self.window.totals(now, self._untold) if self.window is not None else WindowTotals(0, 0, 0)
        return Counts(self.streak, *totals)

    def trip_ratio(self, now: float) -> float:
        """How much of a threshold the nearest rule has seen, at most all of it."""
        counts = self.counts(now)
        return min(1.0, max((rule.observed(counts) / rule.threshold for rule in self._policy.rules), default=0.0))

    def count_failure(self) -> None:
        self.streak += 1
        self.failure_count += 1
        # A new permit for a new epoch: it tells calls admitted before a failure from those after.
        self.standing = self._new_standing()

    def count_settled_success(self) -> None:
        """A success is settled one by one, whatever period it belongs to: it is no plain one."""
        self._told += 1

    def end(self, counts: Counts) -> None:
        """Keep what was known when the circuit left the state; no call of the period counts any more."""
        self.forget_calls_in_flight()
        self._final = WindowTotals(*counts[1:])

    def forget_calls_in_flight(self) -> None:
        self.in_flight.clear()

    def adopt(self, policy: Policy) -> None:
        before, self.window = self.window, policy.fit_window(self.window)
        self._live_by(policy)
        self._due = -inf
        if self.window is not before:
            self._told = self._successes()
        if self.window is None or self.is_shared:
            self.forget_calls_in_flight()

    def _live_by(self, policy: Policy) -> None:
        self._policy = policy
        self.slow_after = inf if policy.slow_call_duration is None else policy.slow_call_duration
        self.is_shared = policy.slow_call_duration is None
        """Whether calls need no permit of their own, because nobody will ask how long they took."""
        self._is_timeless = not policy.needs_clock
        streaks = (rule.threshold for rule in policy.rules if isinstance(rule, ConsecutiveFailures))
        self._longest_streak = min(streaks, default=inf)

    @property
    def _untold(self) -> int:
        return self._successes() - self._told if self.window is not None else 0

    def _new_standing(self) -> Permit:
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = self.generation, self.failure_count, None
        permit.is_shared = True
        return permit

    def _watch(self, permit: Permit) -> None:
        if self.window is not None and not self.is_shared and permit.window_slot is None:
            self.in_flight[permit] = True

    def _count_late(self, permit: Permit, now: float) -> Trip | None:
        if self.window is None:
            return None
        permit.window_slot = self.window, self.window.add(now, self._untold, failed=False, slow=True)
        return self._judge(now, overdue=permit)

    def _oldest(self, number: int) -> list[Permit]:
        while True:
            try:
                return list(islice(self.in_flight, number))
            except RuntimeError:  # another thread has put a call in, or taken one out, in between
                continue

    def _judge(self, now: float, overdue: Permit | None = None) -> Trip | None:
        counts = self.counts(now)
        for rule in self._policy.rules:
            if rule.observed(counts) >= rule.threshold:
                return Trip(rule, counts, overdue)
        return None
