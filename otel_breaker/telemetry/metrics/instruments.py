"""The instruments on one meter, which observe the same aggregates in one collection."""

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
    """The aggregates of the collection that runs in a thread, and the instruments that have observed them."""

    def __init__(self) -> None:
        self.aggregates: list[tuple[str, Aggregate]] | None = None
        self.observed: set[Instrument] = set()


class Instruments:
    """The instruments on one meter.

    The SDK observes each instrument once in a collection, all in one thread, and gives no sign of a new collection.
    An instrument that is observed again must be part of a new one, which reads new aggregates. The readers of one
    provider collect one after the other, and each provider has its own instruments.

    Args:
        read: reads the aggregates of all names.
    """

    def __init__(self, read: Callable[[], list[tuple[str, Aggregate]]]) -> None:
        self._read = read
        self._collection = _Collection()
        self.is_silent = False
        """Whether they export nothing."""
        self.are_created = False

    def create_on(self, meter: Meter) -> None:
        """Create the instruments; one that the meter cannot create is logged.

        The caller must hold no lock that `read` takes: a collection holds the meter's locks when it calls `read`.
        """
        for instrument in INSTRUMENTS:
            try:
                instrument.kind(meter)(
                    instrument.name, [partial(self._observe, instrument)], instrument.unit, instrument.description
                )
            except Exception:
                diagnostics.exception("the metric %s cannot be shown", instrument.name)
        self.are_created = True

    def after_fork(self) -> None:
        """In a forked child: an unfinished collection has read the parent's aggregates."""
        self._collection = _Collection()

    def _observe(self, instrument: Instrument, options: CallbackOptions) -> Iterator[Observation]:
        if not self.is_silent:
            for name, aggregate in self._aggregates_for(instrument):
                yield from instrument.series(name, aggregate)

    def _aggregates_for(self, instrument: Instrument) -> list[tuple[str, Aggregate]]:
        collection = self._collection
        aggregates = collection.aggregates
        if aggregates is None or instrument in collection.observed:
            aggregates = collection.aggregates = self._read()
            collection.observed = set()
        collection.observed.add(instrument)
        return aggregates
