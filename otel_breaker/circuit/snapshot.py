"""A circuit at one instant: a snapshot for health endpoints and people, a reading for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from otel_breaker.core.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from otel_breaker.circuit.history import CircuitHistory
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.counters import CounterTotals
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.states import CircuitState
    from otel_breaker.settings import Mode


@dataclass(frozen=True)
class Snapshot:
    """A consistent view of a circuit: all fields are of one instant."""

    name: str
    key: str | None
    state: CircuitState
    mode: Mode
    episode: str | None
    calls: Mapping[str, int]
    """Calls by outcome."""
    consecutive_failures: int
    window_calls: int
    window_failures: int
    window_slow: int
    probes_in_flight: int
    calls_in_flight: int | None
    """The calls of all circuits of the name that are in flight; None without `max_in_flight`."""
    max_in_flight: int | None
    """The most of them now; None without `max_in_flight`."""
    retry_after: float | None
    """Seconds until a probe may be admitted; None when only an operator can end the state."""
    opened_at: float | None
    """When the circuit opened, in seconds since the epoch, for display only."""
    last_failure_type: str | None
    last_failure_time: float | None
    """Seconds since the epoch, for display only."""
    actor: str | None
    reason: str | None

    @classmethod
    def of_locked(
        cls, machine: Machine, history: CircuitHistory, limit: ConcurrencyLimit | None, mode: Mode, now: float
    ) -> Self:
        """Read a circuit; under its lock."""
        counts, calls, episode = machine.counts(now), history.counters.calls.read(), history.episode
        return cls(
            name=history.name,
            key=history.key,
            state=machine.state,
            mode=mode,
            episode=episode.id if episode is not None else None,
            calls={outcome.value: calls[outcome] for outcome in Outcome},
            consecutive_failures=counts.consecutive_failures,
            window_calls=counts.window_calls,
            window_failures=counts.window_failures,
            window_slow=counts.window_slow,
            probes_in_flight=machine.probes_in_flight,
            calls_in_flight=None if limit is None else limit.number_in_flight,
            max_in_flight=None if limit is None else limit.limit,
            retry_after=machine.retry_after(now),
            opened_at=episode.opened_time if episode is not None else None,
            last_failure_type=history.last_failure_type,
            last_failure_time=history.last_failure_time,
            actor=history.actor,
            reason=history.reason,
        )


class Reading(NamedTuple):
    """A consistent view of a circuit's counts."""

    totals: CounterTotals
    state: CircuitState
    mode: Mode
    trip_ratio: float
    """The share of a rule's threshold that is reached; 0 while no rule is evaluated."""
    limit: ConcurrencyLimit | None
    """The limit of calls in flight, which all circuits of the name share."""
