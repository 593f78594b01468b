"""The counts of one circuit since it was made: calls, state changes, probes and the time in each state.

Telemetry reads these integers when it collects, so a call pays nothing for its metrics. Telemetry decides their names.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CLOSED, REJECTED, CircuitState, Outcome, RejectionReason

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_TIMEOUT: Final = "timeout"
"""The outcome of a probe whose lease has expired."""
PROBE_OUTCOMES: Final = (*(outcome.value for outcome in Outcome if outcome is not Outcome.REJECTED), PROBE_TIMEOUT)
"""Every outcome of a probe."""


class CallCounter:
    """Counts calls without a lock.

    Advancing an `itertools.count` is one atomic step on every Python, for signal handlers too; `+= 1` in two threads
    loses counts.
    """

    __slots__ = ("_before", "_read", "add")

    def __init__(self) -> None:
        counter = count()
        self._before = 0
        self.add: Callable[[], int] = counter.__next__
        # A read advances the counter too, so reads are counted and subtracted. Both advance in one atomic step, since a
        # signal handler may read in the middle of a read.
        self._read = zip(counter, count(), strict=False).__next__

    def total(self) -> int:
        """All calls since the circuit was made."""
        advances, reads = self._read()
        return advances - reads

    def read(self) -> int:
        """The calls since the last reset."""
        return self.total() - self._before

    def reset(self) -> None:
        self._before = self.total()


class CircuitCounters:
    """Counts of one circuit. Calls are counted without a lock; all else changes under the circuit's lock."""

    __slots__ = ("calls", "changes", "probes", "refusals", "seconds", "shadowed", "since", "state")

    def __init__(self, now: float) -> None:
        self.calls = {outcome: CallCounter() for outcome in Outcome if outcome is not REJECTED}
        """Admitted calls by outcome."""
        self.refusals = {reason: CallCounter() for reason in RejectionReason}
        """Refused calls by reason."""
        self.changes: Counter[tuple[CircuitState, CircuitState, str]] = Counter()
        """State changes by source, target and mode."""
        self.probes: Counter[str] = Counter()
        """Probes by one of PROBE_OUTCOMES."""
        self.shadowed: Counter[Outcome] = Counter()
        """Calls that would have been refused in mode `enforce`, by their outcome."""
        self.seconds: dict[CircuitState, float] = dict.fromkeys(CircuitState, 0.0)
        """Seconds in each state, up to `since`."""
        self.state = CLOSED
        self.since = now

    def record_state_change(self, source: CircuitState, target: CircuitState, mode: str, at: float) -> None:
        self.changes[source, target, mode] += 1
        self._spend_until(at)
        self.state = target

    def reset(self, now: float) -> None:
        """Set all counts to zero; the state is kept."""
        for counter in (*self.calls.values(), *self.refusals.values()):
            counter.reset()
        for counts in (self.changes, self.probes, self.shadowed):
            counts.clear()
        self.seconds = dict.fromkeys(CircuitState, 0.0)
        self.since = now

    def _spend_until(self, now: float) -> None:
        if now > self.since:
            self.seconds[self.state] += now - self.since
            self.since = now

    def totals(self, now: float | None) -> CounterTotals:
        """A copy of all counts; without the seconds since the last update when *now* is None."""
        if now is not None:
            self._spend_until(now)
        refusals = Counter({reason: counter.read() for reason, counter in self.refusals.items()})
        calls = Counter({outcome: counter.read() for outcome, counter in self.calls.items()})
        calls[REJECTED] = refusals.total()
        return CounterTotals(
            calls,
            refusals,
            Counter(self.changes),
            Counter(self.probes),
            Counter(self.shadowed),
            dict(self.seconds),
        )


@dataclass
class CounterTotals:
    """The counts of one circuit at one instant, or the sums of several."""

    calls: Counter[Outcome] = field(default_factory=Counter)
    refusals: Counter[RejectionReason] = field(default_factory=Counter)
    changes: Counter[tuple[CircuitState, CircuitState, str]] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    shadowed: Counter[Outcome] = field(default_factory=Counter)
    seconds: dict[CircuitState, float] = field(default_factory=lambda: dict.fromkeys(CircuitState, 0.0))

    def add(self, other: CounterTotals) -> None:
        self.calls.update(other.calls)
        self.refusals.update(other.refusals)
        self.changes.update(other.changes)
        self.probes.update(other.probes)
        self.shadowed.update(other.shadowed)
        for state, seconds in other.seconds.items():
            self.seconds[state] += seconds
