"""The counts of one circuit since it was made: calls, state changes, probes and the time in each state.

Telemetry reads these integers when it collects, so a call pays nothing for its metrics. Telemetry decides their names.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Final

from otel_breaker.core.states import CLOSED, REJECTED, SUCCESS, CircuitState, Outcome, RejectionReason

PROBE_TIMEOUT: Final = "timeout"
"""The outcome of a probe whose lease has expired."""
PROBE_OUTCOMES: Final = (*(outcome.value for outcome in Outcome if outcome is not Outcome.REJECTED), PROBE_TIMEOUT)
"""Every outcome of a probe."""


class CallCounter(count):  # type: ignore[type-arg]  # generic only to type checkers
    """Counts a call with each `next`, without a lock.

    Advancing an `itertools.count` is one atomic step on every Python, for signal handlers too; `+= 1` in two threads
    loses counts.
    """

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before = 0

    def __call__(self) -> int:
        """All calls since the circuit was made."""
        # The only way to read a counter that does not advance it: its `repr` is `CallCounter(3)`.
        return int(repr(self).rpartition("(")[2][:-1])

    def read(self) -> int:
        """The calls since the last reset."""
        return self() - self._before

    def reset(self) -> None:
        self._before = self()


class CallCounters(dict[Outcome | RejectionReason, CallCounter]):
    """The counters of calls by outcome, and of refused ones by reason.

    Each is made at its first call; that of successes is always there.

    Most circuits only ever count successes.
    """

    __slots__ = ("successes",)

    def __init__(self) -> None:
        super().__init__()
        self.successes = CallCounter()

    def __missing__(self, outcome: Outcome | RejectionReason) -> CallCounter:
        # One atomic step: two threads must count with the same counter.
        return self.setdefault(outcome, self.successes if outcome is SUCCESS else CallCounter())

    def read(self) -> Counter[Outcome]:
        """The calls by outcome, since the last reset."""
        calls: Counter[Outcome] = Counter()
        for outcome, counter in self._present().items():
            calls[outcome if isinstance(outcome, Outcome) else REJECTED] += counter.read()
        return calls

    def read_refusals(self) -> Counter[RejectionReason]:
        """The refused calls by reason, since the last reset."""
        present = self._present().items()
        return Counter({reason: counter.read() for reason, counter in present if isinstance(reason, RejectionReason)})

    def reset(self) -> None:
        for counter in self._present().values():
            counter.reset()

    def _present(self) -> dict[Outcome | RejectionReason, CallCounter]:
        return {SUCCESS: self.successes, **self.copy()}  # `copy` is atomic: another thread may add a counter


class OutageCounts:
    """What a circuit counts only once it has left the closed state."""

    __slots__ = ("changes", "probes", "seconds", "shadowed")

    def __init__(self) -> None:
        self.changes: Counter[tuple[CircuitState, CircuitState, str]] = Counter()
        """State changes by source, target and mode."""
        self.probes: Counter[str] = Counter()
        """Probes by one of PROBE_OUTCOMES."""
        self.shadowed: Counter[Outcome] = Counter()
        """Calls that would have been refused in mode `enforce`, by their outcome."""
        self.seconds = dict.fromkeys(CircuitState, 0.0)
        """Seconds in each state, without the current stay."""


class CircuitCounters:
    """Counts of one circuit. Calls are counted without a lock; all else changes under the circuit's lock."""

    __slots__ = ("_outages", "_seconds", "calls", "since", "state")

    def __init__(self, now: float) -> None:
        self.calls = CallCounters()
        self._outages: OutageCounts | None = None
        self._seconds = 0.0
        """Seconds of the current stay in the state, up to `since`."""
        self.state = CLOSED
        self.since = now

    @property
    def outages(self) -> OutageCounts:
        """Made when first needed: most circuits have never left the closed state."""
        if self._outages is None:
            self._outages = OutageCounts()
        return self._outages

    def record_state_change(self, source: CircuitState, target: CircuitState, mode: str, at: float) -> None:
        outages = self.outages
        outages.changes[source, target, mode] += 1
        self._spend_until(at)
        seconds = outages.seconds[self.state] + self._seconds
        # Without a call in between, at which an interrupt could come.
        outages.seconds[self.state], self._seconds, self.state = seconds, 0.0, target

    def reset(self, now: float) -> None:
        """Set all counts to zero; the state is kept."""
        self.calls.reset()
        self._outages = None
        self._seconds = 0.0
        self.since = now

    def _spend_until(self, now: float) -> None:
        if now > self.since:
            self._seconds += now - self.since
            self.since = now

    def totals(self, now: float | None) -> CounterTotals:
        """A copy of all counts; without the seconds since the last update when *now* is None."""
        if now is not None:
            self._spend_until(now)
        totals = CounterTotals(self.calls.read(), self.calls.read_refusals())
        if self._outages is not None:
            totals.changes.update(self._outages.changes)
            totals.probes.update(self._outages.probes)
            totals.shadowed.update(self._outages.shadowed)
            totals.seconds.update(self._outages.seconds)
        totals.seconds[self.state] += self._seconds
        return totals


class CounterTotals:
    """The counts of one circuit at one instant, or the sums of several."""

    __slots__ = ("calls", "changes", "probes", "refusals", "seconds", "shadowed")

    def __init__(self, calls: Counter[Outcome] | None = None, refusals: Counter[RejectionReason] | None = None) -> None:
        self.calls = Counter() if calls is None else calls
        self.refusals = Counter() if refusals is None else refusals
        self.changes: Counter[tuple[CircuitState, CircuitState, str]] = Counter()
        self.probes: Counter[str] = Counter()
        self.shadowed: Counter[Outcome] = Counter()
        self.seconds = dict.fromkeys(CircuitState, 0.0)

    def add(self, other: CounterTotals) -> None:
        self.calls.update(other.calls)
        self.refusals.update(other.refusals)
        self.changes.update(other.changes)
        self.probes.update(other.probes)
        self.shadowed.update(other.shadowed)
        for state, seconds in other.seconds.items():
            self.seconds[state] += seconds
