"""All circuits of the files as frozen records: `collect` builds them from telemetry, the views show them.

Nothing here reads or prints. Times are nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_breaker.core.states import CircuitState
from otel_breaker.settings import Mode
from otel_breaker_cli.incident.episode import EPISODE_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedRefusals, RecordedStateChange
    from otel_breaker_cli.otlp import Attributes


@dataclass(frozen=True, order=True)
class ServiceInstance:
    """A process, as its resource attributes identify it."""

    name: str = ""
    id: str = ""


@dataclass(frozen=True, order=True)
class CircuitIdentity:
    name: str
    key: str
    """Empty for a breaker without keys."""
    service_instance: ServiceInstance


@dataclass(frozen=True)
class CircuitTimeline:
    """One circuit over the time that the files cover."""

    identity: CircuitIdentity
    episodes: tuple[IncidentEpisode, ...]
    """In order of time."""
    state_changes: tuple[RecordedStateChange, ...]
    """All of them in order of time, also those outside of episodes."""
    limit_refusals: RecordedRefusals
    """Calls that the limit of calls in flight refused while the circuit was closed."""

    @property
    def state(self) -> str:
        """The last state in the files."""
        if self.state_changes:
            return self.state_changes[-1].to_state
        return CircuitState.OPEN.value if self.episodes else CircuitState.CLOSED.value

    @property
    def times(self) -> list[int]:
        """Of its state changes, and of the first and the last call over the limit."""
        refusals = self.limit_refusals
        return [change.time for change in self.state_changes] + [refusals.first, refusals.last] * bool(refusals.spans)

    @property
    def is_open(self) -> bool:
        """Whether it refuses calls in the end, or would if it were not in shadow mode."""
        return self.state in EPISODE_STATES

    @property
    def is_shadow(self) -> bool:
        """Whether it was in shadow mode all the time, so that no call was refused."""
        modes = {episode.mode for episode in self.episodes} | {change.mode for change in self.state_changes}
        return modes - {""} == {Mode.SHADOW.value}


@dataclass(frozen=True)
class MetricSeries:
    """The values of one series of a metric."""

    metric: str
    service_instance: ServiceInstance
    attributes: Attributes
    last: float
    peak: float


@dataclass(frozen=True)
class Incident:
    """Everything about circuits that the files hold."""

    circuits: tuple[CircuitTimeline, ...]
    """Those that changed state or refused calls, in order of time."""
    unchanged_circuits: int
    """How many others made calls and never changed state."""
    start: int
    """Of the first call or state change of any circuit; 0 when there is none."""
    end: int
    request_names: Mapping[str, str] = field(default_factory=dict)
    """The name of the request that a trace belongs to, by trace id, for calls that are shown."""
    metric_series: tuple[MetricSeries, ...] = ()

    def request_name(self, trace_id: str) -> str:
        """The name of the request that a trace belongs to; empty when it is unknown."""
        return self.request_names.get(trace_id, "")

    @property
    def episodes(self) -> list[tuple[CircuitTimeline, IncidentEpisode]]:
        """The episodes of all circuits in order of time."""
        pairs = [(circuit, episode) for circuit in self.circuits for episode in circuit.episodes]
        return sorted(pairs, key=lambda pair: pair[1].start)

    @property
    def extent(self) -> tuple[int, int]:
        """From the first opening, state change or refusal to the last; to the end while a circuit is open."""
        times = [time for circuit in self.circuits for time in circuit.times]
        times += [time for _, episode in self.episodes for time in (episode.start, episode.end or self.end)]
        return (min(times), max(times)) if times else (self.start, self.end)
