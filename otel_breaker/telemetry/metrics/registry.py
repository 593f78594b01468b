"""The circuits of the process by name, and the meters that export their metrics.

Names are never evicted: an evicted name's counts would be exported again under `_OTHER`, and the SDK keeps the old
series anyway.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Meter, get_meter, get_meter_provider

from otel_breaker import diagnostics
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import is_api_default
from otel_breaker.telemetry.background import run_in_background
from otel_breaker.telemetry.metrics.aggregates import MOST_WASTED, NameGroup
from otel_breaker.telemetry.metrics.instruments import Instruments
from otel_breaker.telemetry.metrics.series import MOST_NAMES
from otel_breaker.text import OTHER
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from otel_breaker.circuit import Circuit
    from otel_breaker.core.counters import CounterTotals
    from otel_breaker.telemetry.metrics.aggregates import Aggregate


class MetricRegistry:
    """All circuits of the process.

    The first MOST_NAMES names have series of their own for as long as the process lives; the circuits of all further
    names share one series, of the name `_OTHER`.
    """

    def __init__(self) -> None:
        self._names: dict[str, NameGroup] = {}
        self._instruments: weakref.WeakKeyDictionary[Meter, Instruments] = weakref.WeakKeyDictionary()
        self._global_instruments: Instruments | None = None
        self._has_instruments = False
        # Not held during any call of a circuit or a meter, which have locks of their own.
        self._lock = threading.RLock()
        self._name_type: type[str] = str

    def add(self, circuit: Circuit) -> None:
        """Export a circuit's counts for as long as the process lives; the circuit itself is not kept alive."""
        is_over_limit, is_wasted, has_instruments = self._add(circuit)
        if is_over_limit:
            diagnostics.warning(_TOO_MANY_NAMES, MOST_NAMES, OTHER)
        if is_wasted:
            diagnostics.warning(_WASTED, circuit.history.name, MOST_WASTED)
        if not has_instruments:
            self.use_global_meter()

    @locked
    def _add(self, circuit: Circuit) -> tuple[bool, bool, bool]:
        """Returns whether to report too many names, whether to report waste, and whether instruments exist."""
        name, is_over_limit = circuit.history.name, False
        if name not in self._names and len(self._names) >= MOST_NAMES:
            name = OTHER
            is_over_limit = name not in self._names
        group = self._names.setdefault(name, NameGroup(name))
        group.add(circuit)
        has_instruments, self._has_instruments = self._has_instruments, True
        return is_over_limit, group.must_report_waste(), has_instruments

    def use_global_meter(self) -> None:
        """Export all circuits through the global provider, also through one that is set later."""
        self._has_instruments = True
        if _has_global_sdk():
            run_in_background(self._create_on_global_meter)
        else:
            self._create_on_global_meter()  # without an SDK no lock of one is taken

    def use_meter(self, meter: Meter) -> None:
        """Export all circuits, present and future, through a meter, and no longer through the global provider.

        It may be called at any time. A meter that is in use already is left as it is.
        """
        instruments, is_new = self._instruments_for(meter)
        if is_new:
            run_in_background(partial(instruments.create_on, meter))
        former = self._global_instruments
        if former is not None and instruments is not former:
            # An SDK has one instrument of a name on a meter, the first one: on the same meter it must not be silent.
            former.is_silent = _global_meter() is not meter

    def aggregates(self) -> list[tuple[str, Aggregate]]:
        """The present metrics of each name."""
        return [
            (self._name_type(name), group.aggregate(collected, circuits))
            for name, group, collected, circuits in self._snapshots()
        ]

    @locked
    def _snapshots(self) -> list[tuple[str, NameGroup, CounterTotals, list[Circuit]]]:
        return [(name, group, *group.snapshot()) for name, group in list(self._names.items())]

    def after_fork(self) -> None:
        """In a forked child: the parent exports what it has counted."""
        self._lock = threading.RLock()
        self._has_instruments = any(instruments.are_created for instruments in self._instruments.values())
        for group in self._names.values():
            group.after_fork()
        for instruments in self._instruments.values():
            instruments.after_fork()
        # The child's SDK keeps the parent's series: under delta temporality it would subtract the parent's counts from
        # the child's, and a series would start at the parent's time. The SDK distinguishes series by the types of their
        # attributes, too, so an equal name of another type starts a new series.
        self._name_type = type(f"str_{os.getpid()}", (str,), {})

    def _create_on_global_meter(self) -> None:
        meter = _global_meter()
        if meter is not None:
            self._global_instruments, is_new = self._instruments_for(meter)
            if is_new:
                self._global_instruments.create_on(meter)

    def _instruments_for(self, meter: Meter) -> tuple[Instruments, bool]:
        """The instruments on a meter, and whether they have yet to be created."""
        self._has_instruments = True
        # Without the lock, because the meter's own `__eq__` runs. Of two threads' instruments `setdefault` keeps one.
        instruments = self._instruments.get(meter) or self._instruments.setdefault(meter, Instruments(self.aggregates))
        return instruments, not instruments.are_created


def _has_global_sdk() -> bool:
    """Whether a global provider is set; until then it is the API's proxy."""
    try:
        return not is_api_default(get_meter_provider())
    except Exception:
        diagnostics.exception("there is no global meter provider")
        return False


def _global_meter() -> Meter | None:
    try:
        return get_meter(names.SCOPE, __version__)
    except Exception:
        diagnostics.exception("the global meter provider has no meter for circuit breakers")
        return None


_TOO_MANY_NAMES: Final = (
    "more than %d names of circuit breakers: metrics show all further ones together as %r. "
    "Circuits that come and go, such as one per tenant, should share a name and have a key each"
)
_WASTED: Final = (
    "circuit breaker %r: the last %d circuits of that name were dropped after one call each, which failed. "
    "A breaker that is made anew for each call never opens: make it once and keep it, or use get_breaker()"
)

METRIC_REGISTRY: Final = MetricRegistry()
METRIC_REGISTRY.use_global_meter()  # at the import, so before a server forks: see `background`
FORKS.register(ForkStage.METRICS, METRIC_REGISTRY.after_fork)
