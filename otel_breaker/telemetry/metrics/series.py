"""The instruments, and the series of each: the table of the design, as data.

A query for increases does not see the first value of a series. So the series whose increase alerts and the dashboard
show are exported from the first collection on, at zero. Any other series, most of which never have a value, is exported
from its first value on: the SDK's work at each collection grows with each series. No series ends.
"""

from __future__ import annotations

from itertools import product
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import Meter, Observation

from otel_breaker.core.counters import PROBE_OUTCOMES, PROBE_TIMEOUT
from otel_breaker.core.states import CLOSED, FAILURE, HALF_OPEN, OPEN, REJECTED, SUCCESS, Outcome, RejectionReason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.telemetry.metrics.aggregates import Aggregate

MOST_NAMES: Final = 120
"""Names with series of their own.

The SDK keeps 2,000 series of a metric and never drops one. The metric with most series has 15 of a name, one for each
state change: 1,800, which leaves room for the shared name and for names whose mode changes."""


_OUTCOMES_FROM_BIRTH: Final = (SUCCESS, FAILURE, REJECTED)
_PROBES_FROM_BIRTH: Final = (SUCCESS.value, FAILURE.value, PROBE_TIMEOUT)
_CHANGES_FROM_BIRTH: Final = ((CLOSED, OPEN), (HALF_OPEN, OPEN))
"""A trip, and a recovery that failed."""


class Instrument:
    """One metric.

    Args:
        name: its own.
        kind: the method of a meter that creates the instrument.
        unit: its unit.
        description: what it measures.
        series: yields all series of one name.
    """

    __slots__ = ("description", "kind", "name", "series", "unit")

    def __init__(
        self,
        name: str,
        kind: Callable[[Meter], Callable[..., Any]],
        unit: str,
        description: str,
        series: Callable[[str, Aggregate], Iterator[Observation]],
    ) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.description = description
        self.series = series


def _calls(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    totals = aggregate.totals
    for outcome in Outcome:
        if outcome is not REJECTED and (outcome in _OUTCOMES_FROM_BIRTH or totals.calls[outcome]):
            yield Observation(totals.calls[outcome], {names.NAME: name, names.CALL_OUTCOME: outcome.value})
    rejected = {names.NAME: name, names.CALL_OUTCOME: Outcome.REJECTED.value}
    for reason in RejectionReason:
        if aggregate.is_limited or reason is not RejectionReason.CONCURRENCY_LIMIT:
            yield Observation(totals.refusals[reason], {**rejected, names.REJECTION_REASON: reason.value})


def _state_changes(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    changes = aggregate.totals.changes
    from_birth = [(source, target, mode) for (source, target), mode in product(_CHANGES_FROM_BIRTH, aggregate.modes)]
    for source, target, mode in dict.fromkeys((*from_birth, *changes)):
        attributes = {
            names.NAME: name,
            names.STATE_CHANGE_FROM: source.value,
            names.STATE_CHANGE_TO: target.value,
            names.MODE: mode,
        }
        yield Observation(changes[source, target, mode], attributes)


def _status(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    for (state, mode), circuits in aggregate.states.items():
        yield Observation(circuits, {names.NAME: name, names.STATE: state.value, names.MODE: mode})


def _state_time(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    seen = {state for state, _ in aggregate.states}
    for state, seconds in aggregate.totals.seconds.items():
        if seconds or state in seen:
            yield Observation(seconds, {names.NAME: name, names.STATE: state.value})


def _probes(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    probes = aggregate.totals.probes
    for outcome in PROBE_OUTCOMES:
        if outcome in _PROBES_FROM_BIRTH or probes[outcome]:
            yield Observation(probes[outcome], {names.NAME: name, names.PROBE_OUTCOME: outcome})


def _trip_ratio(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    yield Observation(aggregate.trip_ratio, {names.NAME: name})


def _shadow_calls(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    if Mode.SHADOW.value not in aggregate.modes:
        return
    for outcome in Outcome:
        if outcome is not REJECTED:
            attributes = {names.NAME: name, names.CALL_OUTCOME: outcome.value}
            yield Observation(aggregate.totals.shadowed[outcome], attributes)


def _concurrency_limit(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    if aggregate.limits:
        yield Observation(sum(limit.limit for limit in aggregate.limits), {names.NAME: name})


def _calls_in_flight(name: str, aggregate: Aggregate) -> Iterator[Observation]:
    if aggregate.is_limited:
        yield Observation(sum(limit.number_in_flight for limit in aggregate.limits), {names.NAME: name})


_COUNTER: Final = attrgetter("create_observable_counter")
_UP_DOWN_COUNTER: Final = attrgetter("create_observable_up_down_counter")
_GAUGE: Final = attrgetter("create_observable_gauge")

INSTRUMENTS: Final = (
    Instrument(names.METRIC_CALLS, _COUNTER, "{call}", "Calls by outcome.", _calls),
    Instrument(names.METRIC_STATE_CHANGES, _COUNTER, "{state_change}", "State changes of circuits.", _state_changes),
    Instrument(names.METRIC_STATUS, _UP_DOWN_COUNTER, "{circuit}", "Circuits that are in a state now.", _status),
    Instrument(names.METRIC_STATE_TIME, _COUNTER, "s", "Time that circuits have spent in a state.", _state_time),
    Instrument(names.METRIC_PROBES, _COUNTER, "{probe}", "Probes by outcome.", _probes),
    Instrument(
        names.METRIC_TRIP_RATIO,
        _GAUGE,
        "1",
        "How near the worst circuit is to tripping; 1 while it is open.",
        _trip_ratio,
    ),
    Instrument(
        names.METRIC_SHADOW_CALLS,
        _COUNTER,
        "{call}",
        "Calls that passed only because of shadow mode, by outcome.",
        _shadow_calls,
    ),
    Instrument(
        names.METRIC_CONCURRENCY_LIMIT,
        _GAUGE,
        "{call}",
        "The most calls in flight at once, where `max_in_flight` is set.",
        _concurrency_limit,
    ),
    Instrument(
        names.METRIC_CONCURRENCY_IN_FLIGHT,
        _UP_DOWN_COUNTER,
        "{call}",
        "Calls in flight, where `max_in_flight` is set.",
        _calls_in_flight,
    ),
)
