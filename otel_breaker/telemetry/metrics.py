"""The instruments: all observed, so that a guarded call pays nothing for them.

What is shown is read from the circuits' own counts when a reader collects: per name, summed over the circuits of
that name, and what a dropped circuit has counted stays in the sums. One set of instruments serves all circuits:
the SDK deadlocks on an instrument made in a callback, and ignores the callbacks of one made twice.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter, deque
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from otel_breaker.complaints import complain
from otel_breaker.core.states import MOVES, CircuitState, Outcome
from otel_breaker.core.tally import Totals
from otel_breaker.telemetry import names
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.tally import Tally


class _Namesakes:
    """All circuits that ever had one name."""

    def __init__(self) -> None:
        self._living: dict[weakref.ref[Circuit], Tally] = {}
        # A weak reference's callback runs anywhere, under any lock: it may only leave a message.
        self._gone: deque[weakref.ref[Circuit]] = deque()
        self._past = Totals()
        self._modes: set[str] = set()

    def follow(self, circuit: Circuit) -> None:
        self._bury()
        self._living[weakref.ref(circuit, self._gone.append)] = circuit.record.tally
        self._modes.add(circuit.settings.mode.value)

    def figures(self) -> Figures:
        self._bury()
        totals, states = Totals(), Counter[tuple[CircuitState, str]]()
        totals.add(self._past)
        for reference, tally in self._living.items():
            circuit = reference()
            if circuit is None:
                totals.add(tally.totals(None))
                continue
            totals.add(circuit.totals())
            states[circuit.state, circuit.settings.mode.value] += 1
        # A series that was shown once stays, or a sum over it would never go back to zero.
        self._modes.update(mode for _, mode in states)
        self._modes.update(mode for *_, mode in totals.changes)
        return Figures(totals, states, sorted(self._modes))

    def forget(self) -> None:
        self._bury()
        self._past = Totals()

    def _bury(self) -> None:
        while self._gone:
            self._past.add(self._living.pop(self._gone.popleft()).totals(None))


class Figures(NamedTuple):
    """What is shown of one name."""

    totals: Totals
    states: Counter[tuple[CircuitState, str]]
    """How many circuits are in which state, by mode."""
    modes: list[str]


class Ledger:
    """Every circuit by name, and the instruments that show them."""

    def __init__(self) -> None:
        self._names: dict[str, _Namesakes] = {}
        self._lock = threading.RLock()
        self._instrumented = False

    def follow(self, circuit: Circuit) -> None:
        """Show a circuit's counts for as long as the process lives; the circuit itself is not kept alive."""
        with self._lock:
            self._names.setdefault(circuit.record.name, _Namesakes()).follow(circuit)
            instrumented, self._instrumented = self._instrumented, True
        if instrumented:
            return
        try:
            # Not under the lock, which a reader that collects at this moment wants, holding one of the SDK's.
            self.show(get_meter(names.SCOPE, __version__))
        except Exception:
            complain("the instruments cannot be made; breakers are not affected")

    def show(self, meter: Meter) -> None:
        """Make the instruments on a meter."""
        meter.create_observable_counter(names.METRIC_CALLS, [self._calls], "{call}", "Calls by what became of them.")
        meter.create_observable_counter(
            names.METRIC_STATE_CHANGES, [self._state_changes], "{state_change}", "Moves of circuits between states."
        )
        meter.create_observable_up_down_counter(
            names.METRIC_STATUS, [self._status], "{circuit}", "Circuits that are in a state now."
        )
        meter.create_observable_counter(
            names.METRIC_STATE_TIME, [self._state_time], "s", "Time that circuits have spent in a state."
        )
        meter.create_observable_counter(
            names.METRIC_SHADOW_CALLS, [self._shadow_calls], "{call}", "Calls that only shadow mode let pass."
        )

    def start_afresh(self) -> None:
        """In a forked child: what the parent's circuits have counted is the parent's to tell."""
        self._lock = threading.RLock()
        for namesakes in self._names.values():
            namesakes.forget()

    def _figures(self) -> list[tuple[str, Figures]]:
        with self._lock:
            return [(name, namesakes.figures()) for name, namesakes in self._names.items()]

    def _calls(self, options: CallbackOptions) -> Iterator[Observation]:
        for name, figures in self._figures():
            for outcome in Outcome:
                attributes = {names.NAME: name, names.CALL_OUTCOME: outcome.value}
                yield Observation(figures.totals.calls[outcome], attributes)

    def _state_changes(self, options: CallbackOptions) -> Iterator[Observation]:
        for name, figures in self._figures():
            for (source, target), mode in product(MOVES, figures.modes):
                attributes = {
                    names.NAME: name,
                    names.STATE_CHANGE_FROM: source.value,
                    names.STATE_CHANGE_TO: target.value,
                    names.MODE: mode,
                }
                yield Observation(figures.totals.changes[source, target, mode], attributes)

    def _status(self, options: CallbackOptions) -> Iterator[Observation]:
        for name, figures in self._figures():
            for state, mode in product(CircuitState, figures.modes):
                attributes = {names.NAME: name, names.STATE: state.value, names.MODE: mode}
                yield Observation(figures.states[state, mode], attributes)

    def _state_time(self, options: CallbackOptions) -> Iterator[Observation]:
        for name, figures in self._figures():
            for state in CircuitState:
                attributes = {names.NAME: name, names.STATE: state.value}
                yield Observation(figures.totals.seconds[state], attributes)

    def _shadow_calls(self, options: CallbackOptions) -> Iterator[Observation]:
        for name, figures in self._figures():
            for outcome in Outcome:
                if outcome is not Outcome.REJECTED:
                    attributes = {names.NAME: name, names.CALL_OUTCOME: outcome.value}
                    yield Observation(figures.totals.shadowed[outcome], attributes)


LEDGER: Final = Ledger()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LEDGER.start_afresh)
