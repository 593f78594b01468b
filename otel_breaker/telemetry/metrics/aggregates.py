"""The counts of all circuits of one name, summed. How they are exported is not known here."""

from __future__ import annotations

import weakref
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_breaker import diagnostics
from otel_breaker.core.counters import CounterTotals
from otel_breaker.core.states import FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.circuit import Circuit, Reading
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.counters import CircuitCounters
    from otel_breaker.core.states import CircuitState, Outcome


MOST_WASTED: Final = 20
"""Circuits of one name, dropped one after the other, each after a single call, which failed."""


class Aggregate:
    """The metrics of one name.

    Args:
        totals: the sums of its circuits' counts.
        states: the number of circuits in each state, by mode; 0 where a collection has found some before.
        modes: all that its circuits have had.
        trip_ratio: how near the worst circuit is to tripping.
        limits: of calls in flight; several only where names share one series.
        is_limited: whether there is or was a limit.
    """

    __slots__ = ("is_limited", "limits", "modes", "states", "totals", "trip_ratio")

    def __init__(
        self,
        totals: CounterTotals,
        states: Counter[tuple[CircuitState, str]],
        modes: list[str],
        trip_ratio: float,
        limits: frozenset[ConcurrencyLimit],
        *,
        is_limited: bool,
    ) -> None:
        self.totals = totals
        self.states = states
        self.modes = modes
        self.trip_ratio = trip_ratio
        self.limits = limits
        self.is_limited = is_limited


class NameGroup:
    """All circuits that ever had one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._living: dict[weakref.ref[Circuit], CircuitCounters] = {}
        # A weak reference's callback runs at any instruction, under any lock: it may only append to a queue.
        self._collected: deque[weakref.ref[Circuit]] = deque()
        self._note_collected = self._collected.append  # made once: each access makes another bound method
        self._collected_totals = CounterTotals()
        self._is_folding = False
        self._modes: set[str] = set()
        self._states_seen: set[tuple[CircuitState, str]] = set()
        self._is_limited = False
        self._clock_failed = False
        self._waste_in_a_row = 0
        self._is_waste_reported = False

    def add(self, circuit: Circuit) -> None:
        self._fold_collected()
        self._living[weakref.ref(circuit, self._note_collected)] = circuit.history.counters
        mode = circuit.settings.mode.value
        self._modes.add(mode)
        self._states_seen.add((circuit.state, mode))
        self._is_limited = self._is_limited or circuit.settings.max_in_flight is not None

    def snapshot(self) -> tuple[CounterTotals, list[Circuit]]:
        """The totals of collected circuits, and the living circuits; for one caller at a time."""
        self._fold_collected()
        collected, circuits = CounterTotals(), []
        with self._without_folding():
            collected.add(self._collected_totals)
            entries = list(self._living.items())
        for reference, counters in entries:
            circuit = reference()
            if circuit is None:
                collected.add(counters.totals(None))
            else:
                circuits.append(circuit)
        return collected, circuits

    def aggregate(self, totals: CounterTotals, circuits: list[Circuit]) -> Aggregate:
        """Read the circuits of a snapshot; it waits for the lock of each, so the caller must hold no other lock.

        Args:
            totals: of the collected circuits; the living circuits' counts are added to it.
            circuits: the living circuits.
        """
        # An exported series stays, or a sum over it would never return to zero.
        states, trip_ratio = Counter(dict.fromkeys(self._states_seen.copy(), 0)), 0.0
        limits = set["ConcurrencyLimit"]()
        for circuit in circuits:
            reading = self._read(circuit)
            totals.add(reading.totals)
            states[reading.state, reading.mode.value] += 1
            trip_ratio = max(trip_ratio, reading.trip_ratio)
            if reading.limit is not None:
                limits.add(reading.limit)
        self._states_seen.update(states)
        self._modes.update(mode for _, mode in states)
        self._modes.update(mode for *_, mode in totals.changes)
        self._is_limited = self._is_limited or bool(limits)
        return Aggregate(
            totals, states, sorted(self._modes), trip_ratio, frozenset(limits), is_limited=self._is_limited
        )

    def must_report_waste(self) -> bool:
        """Whether the name's circuits have no effect, because each is dropped after its only call; True only once."""
        is_due = self._waste_in_a_row >= MOST_WASTED and not self._is_waste_reported
        self._is_waste_reported = self._is_waste_reported or is_due
        return is_due

    def after_fork(self) -> None:
        """In a forked child: the parent exports the counts of circuits that were collected before."""
        self._living = {reference: counters for reference, counters in self._living.items() if reference() is not None}
        self._collected.clear()
        self._collected_totals = CounterTotals()
        self._is_folding = False

    def _read(self, circuit: Circuit) -> Reading:
        try:
            return circuit.read()
        except Exception:
            if not self._clock_failed:
                self._clock_failed = True
                diagnostics.exception(
                    "a clock of circuit breaker %r failed: its metrics leave the time out", self._name
                )
            return circuit.read(timed=False)

    def _fold_collected(self) -> None:
        """Move the counts of circuits that were garbage-collected into one sum."""
        if self._is_folding:
            return
        with self._without_folding():
            while self._collected:
                reference = self._collected.popleft()
                counters = self._living.get(reference)
                if counters is None:  # a fork has removed the entry
                    continue
                totals, collected_totals = counters.totals(None), CounterTotals()
                collected_totals.add(self._collected_totals)
                collected_totals.add(totals)
                # Without a call in between, at which an interrupt could come: a count must be in one of the two.
                self._collected_totals = collected_totals
                del self._living[reference]
                self._count_waste(totals.calls)

    def _count_waste(self, calls: Counter[Outcome]) -> None:
        if sum(calls.values()) > 1:
            self._waste_in_a_row = 0
        elif calls[FAILURE]:
            self._waste_in_a_row += 1

    @contextmanager
    def _without_folding(self) -> Iterator[None]:
        """Prevent a nested fold: a finaliser or a signal handler may make a breaker at any instruction."""
        self._is_folding = True
        try:
            yield
        finally:
            self._is_folding = False
