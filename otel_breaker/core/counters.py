"""What one circuit has counted since it was made: calls, moves, probes and the time spent in each state.

Plain integers that telemetry reads when it collects, so that a call pays nothing for being counted. Which of them
are shown, and under what names, is telemetry's business.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CLOSED, CircuitState, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_OUTCOMES: Final = (*(outcome.value for outcome in Outcome if outcome is not Outcome.REJECTED), "timeout")
"""What may become of a probe."""


class CallCounter:
    """Counts calls without a lock.

    Advancing an `itertools.count` is one atomic step on every Python, also seen from a signal handler; `+= 1` from
    two threads loses some.
    """

    __slots__ = ("_before", "_look", "add")

    def __init__(self) -> None:
        counter = count()
        self._before = 0
        self.add: Callable[[], int] = counter.__next__
        # A look takes a number out of the counter, too; so looks are counted, and taken off: both at one stroke, since
        # a signal handler may look in the middle of a look.
        self._look = zip(counter, count(), strict=False).__next__

    def total(self) -> int:
        """All calls ever."""
        taken, looks = self._look()
        return taken - looks

    def read(self) -> int:
        """The calls since the last restart."""
        return self.total() - self._before

    def reset(self) -> None:
        self._before = self.total()


class CircuitCounters:
    """Counts of one circuit. Calls may be counted by anyone; all else under the circuit's lock."""

    __slots__ = ("calls", "changes", "probes", "seconds", "shadowed", "since", "state")

    def __init__(self, now: float) -> None:
        self.calls = {outcome: CallCounter() for outcome in Outcome}
        self.changes: Counter[tuple[CircuitState, CircuitState, str]] = Counter()
        """Moves by source, target and the mode in which they were made."""
        self.probes: Counter[str] = Counter()
        """Probes by one of PROBE_OUTCOMES."""
        self.shadowed: Counter[Outcome] = Counter()
        """Calls that would have been refused, by what they did."""
        self.seconds: dict[CircuitState, float] = dict.fromkeys(CircuitState, 0.0)
        """Time in each state, up to the last look."""
        self.state = CLOSED
        self.since = now

    def record_state_change(self, source: CircuitState, target: CircuitState, mode: str, at: float) -> None:
        self.changes[source, target, mode] += 1
        self._spend_until(at)
        self.state = target

    def reset(self, now: float) -> None:
        """Count from zero again; the state is kept."""
        for counter in self.calls.values():
            counter.reset()
        for kept in (self.changes, self.probes, self.shadowed):
            kept.clear()
        self.seconds = dict.fromkeys(CircuitState, 0.0)
        self.since = now

    def _spend_until(self, now: float) -> None:
        if now > self.since:
            self.seconds[self.state] += now - self.since
            self.since = now

    def totals(self, now: float | None) -> CounterTotals:
        """A copy of all counts; without the time since the last look when nobody knows what time it is."""
        if now is not None:
            self._spend_until(now)
        return CounterTotals(
            Counter({outcome: counter.read() for outcome, counter in self.calls.items()}),
            Counter(self.changes),
            Counter(self.probes),
            Counter(self.shadowed),
            dict(self.seconds),
        )


@dataclass
class CounterTotals:
    """The counts of one circuit at one instant, or of several together."""

    calls: Counter[Outcome] = field(default_factory=Counter)
    changes: Counter[tuple[CircuitState, CircuitState, str]] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    shadowed: Counter[Outcome] = field(default_factory=Counter)
    seconds: dict[CircuitState, float] = field(default_factory=lambda: dict.fromkeys(CircuitState, 0.0))

    def add(self, other: CounterTotals) -> None:
        self.calls.update(other.calls)
        self.changes.update(other.changes)
        self.probes.update(other.probes)
        self.shadowed.update(other.shadowed)
        for state, seconds in other.seconds.items():
            self.seconds[state] += seconds
