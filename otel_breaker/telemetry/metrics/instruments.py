"""One set of instruments on one meter, which shows the same figures through all of them in one collection."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from otel_breaker import diagnostics
from otel_breaker.telemetry.metrics.series import INSTRUMENTS, Instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    from otel_breaker.telemetry.metrics.aggregates import Aggregate


class _Collection(threading.local):
    """What the collection that runs in a thread has read, and which instruments have been told."""

    def __init__(self) -> None:
        self.figures: list[tuple[str, Aggregate]] | None = None
        self.told: set[Instrument] = set()


class Instruments:
    """The instruments on one meter.

    The SDK asks each instrument once in a collection, all in one thread, and does not say where a collection begins.
    But an instrument that is asked again can only be so in another one: then the figures are read anew. Readers of one
    provider collect one after the other, and those of two have each their own instruments.

    Args:
        read: reads the figures of all names.
    """

    def __init__(self, read: Callable[[], list[tuple[str, Aggregate]]]) -> None:
        self._read = read
        self._collection = _Collection()
        self.silent = False
        """Whether they show nothing."""
        self.are_made = False

    def make_on(self, meter: Meter) -> None:
        """Make all instruments that the meter lets us make.

        No lock that `read` takes may be held: a meter has locks, too, and a collection takes them the other way round.
        """
        for instrument in INSTRUMENTS:
            try:
                instrument.kind(meter)(
                    instrument.name, [partial(self._observe, instrument)], instrument.unit, instrument.description
                )
            except Exception:
                diagnostics.exception("the metric %s cannot be shown", instrument.name)
        self.are_made = True

    def after_fork(self) -> None:
        """In a forked child: the figures of a collection that was going on are the parent's."""
        self._collection = _Collection()

    def _observe(self, instrument: Instrument, options: CallbackOptions) -> Iterator[Observation]:
        if not self.silent:
            for name, figures in self._figures(instrument):
                yield from instrument.series(name, figures)

    def _figures(self, instrument: Instrument) -> list[tuple[str, Aggregate]]:
        collection = self._collection
        figures = collection.figures
        if figures is None or instrument in collection.told:
            figures = collection.figures = self._read()
            collection.told = set()
        collection.told.add(instrument)
        return figures
