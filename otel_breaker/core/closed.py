"""A closed circuit: what it remembers of its calls, and whether that is bad enough to trip.

Which state comes next, and for how long, is not decided here but in machine.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import Counts, Rule
from otel_breaker.core.states import CircuitState, Outcome
from otel_breaker.core.windows import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from otel_breaker.core.policy import Policy


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
        "_final",
        "_in_flight",
        "_policy",
        "_successes",
        "_told",
        "epoch",
        "generation",
        "standing",
        "streak",
        "window",
    )

    def __init__(self, policy: Policy, generation: int, epoch: int, successes: Callable[[], int]) -> None:
        self._policy = policy
        self._successes = successes
        self._told = successes()
        self._in_flight: dict[Permit, None] = {}
        self._final: Totals | None = None
        self.generation = generation
        self.epoch = epoch
        self.streak = 0
        self.window = policy.new_window()
        self.standing = self._new_standing()

    @property
    def is_plain(self) -> bool:
        """Whether a success would change nothing, so that all calls may share one permit."""
        return not self.streak and not self._policy.needs_clock

    @property
    def starts_afresh(self) -> bool:
        return not self.streak and self.window is None

    @property
    def is_idle(self) -> bool:
        return not self.streak and not self._in_flight

    def admit(self, now: float, owner: Hashable, *, alone: bool) -> Permit:
        if not alone and not self._policy.needs_clock:
            return self.standing
        permit = Permit(self.generation, CircuitState.CLOSED, epoch=self.epoch, started=now, owner=owner)
        self._watch(permit)
        return permit

    def suspend(self, permit: Permit, now: float) -> Trip | None:
        """A call waits for its consumer: one step of it is over."""
        self._in_flight.pop(permit, None)
        started, permit.started = permit.started, None
        if permit.place is not None or not self._policy.is_slow(started, now):
            return None
        return self._count_late(permit, now)

    def resume(self, permit: Permit, now: float) -> None:
        """The next step of a call begins."""
        permit.started = now
        self._watch(permit)

    def settle(self, permit: Permit, outcome: Outcome, now: float) -> Trip | None:
        """Take in the result of a call of this period."""
        self._in_flight.pop(permit, None)
        failed, slow = outcome is Outcome.FAILURE, self._policy.is_slow(permit.started, now)
        if failed:
            self.count_failure()
        elif outcome is Outcome.SUCCESS:
            self.streak = 0
        if self.window is not None and (slow or outcome in (Outcome.SUCCESS, Outcome.FAILURE)):
            if permit.place is None:
                self.window.add(now, self._untold, failed=failed, slow=slow)
            elif failed and permit.place[0] is self.window:
                self.window.mark_failed(permit.place[1], now, self._untold)
        return self._judge(now) if failed or slow else None

    def sweep(self, now: float) -> Trip | None:
        """Count the calls in flight that are overdue as slow, once each, and judge them."""
        for late in self._take_overdue(now):
            trip = self._count_late(late, now)
            if trip is not None:
                return trip
        return None

    def counts(self, now: float) -> Counts:
        totals = self._final
        if totals is None:
            totals = self.window.totals(now, self._untold) if self.window is not None else Totals(0, 0, 0)
        return Counts(self.streak, *totals)

    def trip_ratio(self, now: float) -> float:
        """How much of a threshold the nearest rule has seen, at most all of it."""
        counts = self.counts(now)
        return min(1.0, max((rule.observed(counts) / rule.threshold for rule in self._policy.rules), default=0.0))

    def count_failure(self) -> None:
        self.streak += 1
        self.epoch += 1
        # A new permit for a new epoch: it tells calls admitted before a failure from those after.
        self.standing = self._new_standing()

    def hear_of_success(self) -> None:
        """A success is settled one by one, whatever period it belongs to: it is no plain one."""
        self._told += 1

    def end(self, counts: Counts) -> None:
        """Keep what was known when the circuit left the state; no call of the period counts any more."""
        self.forget_calls_in_flight()
        self._final = Totals(*counts[1:])

    def forget_calls_in_flight(self) -> None:
        self._in_flight.clear()

    def adopt(self, policy: Policy) -> None:
        before, self.window = self.window, policy.fit_window(self.window)
        self._policy = policy
        if self.window is not before:
            self._told = self._successes()
        if self.window is None or policy.slow_call_duration is None:
            self.forget_calls_in_flight()

    @property
    def _untold(self) -> int:
        return self._successes() - self._told if self.window is not None else 0

    def _new_standing(self) -> Permit:
        return Permit(self.generation, CircuitState.CLOSED, epoch=self.epoch, is_shared=True)

    def _watch(self, permit: Permit) -> None:
        if self.window is not None and self._policy.slow_call_duration is not None and permit.place is None:
            self._in_flight[permit] = None

    def _count_late(self, permit: Permit, now: float) -> Trip | None:
        if self.window is None:
            return None
        permit.place = self.window, self.window.add(now, self._untold, failed=False, slow=True)
        return self._judge(now, overdue=permit)

    def _take_overdue(self, now: float) -> Iterator[Permit]:
        while self._in_flight:
            oldest = next(iter(self._in_flight))
            if not self._policy.is_slow(oldest.started, now):
                return
            del self._in_flight[oldest]
            yield oldest

    def _judge(self, now: float, overdue: Permit | None = None) -> Trip | None:
        counts = self.counts(now)
        for rule in self._policy.rules:
            if rule.observed(counts) >= rule.threshold:
                return Trip(rule, counts, overdue)
        return None
