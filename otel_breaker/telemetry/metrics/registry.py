"""Every circuit by name, and where their metrics are shown."""

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
from otel_breaker.telemetry.api_features import is_of_the_api
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
    """The circuits of the process.

    The first MOST_NAMES names have series of their own for as long as the process lives; the circuits of all further
    names are shown together. No name ever makes way for another: what a reader was told of it would be told again, as
    part of something else, and the SDK would keep its series all the same.
    """

    def __init__(self) -> None:
        self._names: dict[str, NameGroup] = {}
        self._shown: weakref.WeakKeyDictionary[Meter, Instruments] = weakref.WeakKeyDictionary()
        self._default: Instruments | None = None
        self._is_shown = False
        # Not held while a circuit or a meter is asked for anything: they have locks of their own.
        self._lock = threading.RLock()
        self._text: type[str] = str

    def follow(self, circuit: Circuit) -> None:
        """Show a circuit's counts for as long as the process lives; the circuit itself is not kept alive."""
        is_crowded, is_wasted, is_shown = self._follow(circuit)
        if is_crowded:
            diagnostics.warning(_CROWDED, MOST_NAMES, OTHER)
        if is_wasted:
            diagnostics.warning(_WASTED, circuit.history.name, MOST_WASTED)
        if not is_shown:
            self.show_by_default()

    @locked
    def _follow(self, circuit: Circuit) -> tuple[bool, bool, bool]:
        """Follow a circuit; returns what there is to be told, and whether all are shown already."""
        name, is_crowded = circuit.history.name, False
        if name not in self._names and len(self._names) >= MOST_NAMES:
            name = OTHER
            is_crowded = name not in self._names
        namesakes = self._names.setdefault(name, NameGroup(name))
        namesakes.follow(circuit)
        is_shown, self._is_shown = self._is_shown, True
        return is_crowded, namesakes.is_wasted(), is_shown

    def show_by_default(self) -> None:
        """Show all circuits through the global provider, the one that is set or the one that will be."""
        self._is_shown = True
        if _is_set_up():
            run_in_background(self._make_default)
        else:
            self._make_default()  # where there is no SDK there is no lock of it, either

    def show(self, meter: Meter) -> None:
        """Show all circuits, those to come as well, on a meter, and no longer through the global provider.

        It may be called at any time. A meter that shows them already is left as it is.
        """
        instruments, is_new = self._instruments_for(meter)
        if is_new:
            run_in_background(partial(instruments.make_on, meter))
        default = self._default
        if default is not None and instruments is not default:
            # An SDK has one instrument of a name on a meter, the one that was made first.
            default.silent = _global_meter() is not meter

    def aggregates(self) -> list[tuple[str, Aggregate]]:
        """What each name has counted until now."""
        found = self._living()
        return [(self._text(name), namesakes.aggregate(gone, living)) for name, namesakes, gone, living in found]

    @locked
    def _living(self) -> list[tuple[str, NameGroup, CounterTotals, list[Circuit]]]:
        return [(name, namesakes, *namesakes.living()) for name, namesakes in list(self._names.items())]

    def after_fork(self) -> None:
        """In a forked child: what the parent's circuits have counted is the parent's to tell."""
        self._lock = threading.RLock()
        self._is_shown = any(instruments.are_made for instruments in self._shown.values())
        for namesakes in self._names.values():
            namesakes.after_fork()
        for instruments in self._shown.values():
            instruments.after_fork()
        # The SDK goes on with what it kept of the parent's series: under delta temporality it would take the parent's
        # counts off the child's, and the time at which a series began would be the parent's. It tells series apart by
        # the types of their attributes, too, so equal text of another type begins a new one.
        self._text = type(f"str_{os.getpid()}", (str,), {})

    def _make_default(self) -> None:
        meter = _global_meter()
        if meter is not None:
            self._default, is_new = self._instruments_for(meter)
            if is_new:
                self._default.make_on(meter)

    def _instruments_for(self, meter: Meter) -> tuple[Instruments, bool]:
        """The instruments on a meter, and whether they have yet to be made."""
        self._is_shown = True
        # Two threads may make two, of which one is kept. A meter is compared here, so it is no business of the lock.
        instruments = self._shown.get(meter) or self._shown.setdefault(meter, Instruments(self.aggregates))
        return instruments, not instruments.are_made


def _is_set_up() -> bool:
    """Whether the global provider is another than the API's own, which stands in for the one that is set later."""
    try:
        return not is_of_the_api(get_meter_provider())
    except Exception:
        diagnostics.exception("there is no global meter provider")
        return False


def _global_meter() -> Meter | None:
    try:
        return get_meter(names.SCOPE, __version__)
    except Exception:
        diagnostics.exception("the global meter provider has no meter for circuit breakers")
        return None


_CROWDED: Final = (
    "more than %d names of circuit breakers: metrics show all further ones together as %r. "
    "Circuits that come and go, such as one per tenant, should share a name and have a key each"
)
_WASTED: Final = (
    "circuit breaker %r: the last %d circuits of that name were dropped after one call each, which failed. "
    "A breaker that is made anew for each call never opens: make it once and keep it, or use get_breaker()"
)

METRIC_REGISTRY: Final = MetricRegistry()
METRIC_REGISTRY.show_by_default()  # before any fork: see `aside`
FORKS.register(ForkStage.METRICS, METRIC_REGISTRY.after_fork)
