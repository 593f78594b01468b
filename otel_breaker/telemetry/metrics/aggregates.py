"""What all circuits of one name have counted together. How it is shown is not known here."""

from __future__ import annotations

import weakref
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker import diagnostics
from otel_breaker.core.counters import CounterTotals
from otel_breaker.core.states import FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.circuit import Circuit, Reading
    from otel_breaker.core.counters import CircuitCounters
    from otel_breaker.core.states import CircuitState, Outcome


MOST_WASTED: Final = 20
"""Circuits of one name, one after the other, that had one call each, and dropped when it had failed."""


class Aggregate(NamedTuple):
    """What is shown of one name."""

    totals: CounterTotals
    states: Counter[tuple[CircuitState, str]]
    """How many circuits are in which state, by mode."""
    modes: list[str]
    trip_ratio: float
    """How near the worst circuit is to tripping."""


class NameGroup:
    """All circuits that ever had one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._living: dict[weakref.ref[Circuit], CircuitCounters] = {}
        # A weak reference's callback runs anywhere, under any lock: it may only leave a message.
        self._gone: deque[weakref.ref[Circuit]] = deque()
        self._past = CounterTotals()
        self._is_busy = False
        self._modes: set[str] = set()
        self._complained = False
        self._wasted = 0
        self._is_told = False

    def follow(self, circuit: Circuit) -> None:
        self._fold_collected()
        self._living[weakref.ref(circuit, self._gone.append)] = circuit.history.counters
        self._modes.add(circuit.settings.mode.value)

    def living(self) -> tuple[CounterTotals, list[Circuit]]:
        """What circuits that are gone have counted, and those that are to be read; one caller at a time."""
        self._fold_collected()
        gone, circuits = CounterTotals(), []
        with self._alone():
            gone.add(self._past)
            entries = list(self._living.items())
        for reference, tally in entries:
            circuit = reference()
            if circuit is None:
                gone.add(tally.totals(None))
            else:
                circuits.append(circuit)
        return gone, circuits

    def aggregate(self, totals: CounterTotals, circuits: list[Circuit]) -> Aggregate:
        """Read what `living` has found. It waits for each circuit's lock, so it must be called without any other."""
        states, trip_ratio = Counter[tuple["CircuitState", str]](), 0.0
        for circuit in circuits:
            reading = self._read(circuit)
            totals.add(reading.totals)
            states[reading.state, reading.mode.value] += 1
            trip_ratio = max(trip_ratio, reading.trip_ratio)
        # A series that was shown once stays, or a sum over it would never go back to zero.
        self._modes.update(mode for _, mode in states)
        self._modes.update(mode for *_, mode in totals.changes)
        return Aggregate(totals, states, sorted(self._modes), trip_ratio)

    def is_wasted(self) -> bool:
        """Whether the name's circuits are of no use, since each is dropped after its only call; True only once."""
        is_news = self._wasted >= MOST_WASTED and not self._is_told
        self._is_told = self._is_told or is_news
        return is_news

    def after_fork(self) -> None:
        """In a forked child: what was counted before is the parent's to tell."""
        self._living = {reference: tally for reference, tally in self._living.items() if reference() is not None}
        self._gone.clear()
        self._past = CounterTotals()
        self._is_busy = False

    def _read(self, circuit: Circuit) -> Reading:
        try:
            return circuit.read()
        except Exception:
            if not self._complained:
                self._complained = True
                diagnostics.exception(
                    "a clock of circuit breaker %r failed: its metrics leave the time out", self._name
                )
            return circuit.read(timed=False)

    def _fold_collected(self) -> None:
        if self._is_busy:
            return
        with self._alone():
            while self._gone:
                reference = self._gone.popleft()
                tally = self._living.get(reference)
                if tally is None:  # a fork has come before the message
                    continue
                totals, past = tally.totals(None), CounterTotals()
                past.add(self._past)
                past.add(totals)
                self._past = past
                del self._living[reference]  # together with that: an interrupt may come at any call
                self._look_for_waste(totals.calls)

    def _look_for_waste(self, calls: Counter[Outcome]) -> None:
        if sum(calls.values()) > 1:
            self._wasted = 0
        elif calls[FAILURE]:
            self._wasted += 1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody is buried half-way: a finaliser or a signal handler may make a breaker at any instruction."""
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
