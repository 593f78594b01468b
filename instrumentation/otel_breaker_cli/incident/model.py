"""What the files say of all circuits, as plain records: read off telemetry by `collect`, shown by the views.

Nothing here reads or prints. All times are nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_breaker_cli.incident.episode import OPEN, REFUSING, SHADOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedStateChange
    from otel_breaker_cli.otlp import Attributes


@dataclass(frozen=True, order=True)
class ServiceInstance:
    """A process, as far as it tells itself from others."""

    name: str = ""
    id: str = ""


@dataclass(frozen=True, order=True)
class CircuitIdentity:
    """Which circuit it is."""

    name: str
    key: str
    """Empty for a breaker without keys."""
    service_instance: ServiceInstance


@dataclass(frozen=True)
class CircuitTimeline:
    identity: CircuitIdentity
    episodes: tuple[IncidentEpisode, ...]
    """In order of time."""
    state_changes: tuple[RecordedStateChange, ...]
    """All of them, also those that belong to no episode."""

    @property
    def state(self) -> str:
        """The last that the files say."""
        return self.state_changes[-1].to_state if self.state_changes else OPEN

    @property
    def is_open(self) -> bool:
        """Whether it refuses calls in the end, or would if it were not in shadow mode."""
        return self.state in REFUSING

    @property
    def is_shadow(self) -> bool:
        """Whether it was in shadow mode all the time, so that no call was refused."""
        modes = {episode.mode for episode in self.episodes} | {move.mode for move in self.state_changes}
        return modes - {""} == {SHADOW}


@dataclass(frozen=True)
class MetricSeries:
    """A series of a metric."""

    metric: str
    service_instance: ServiceInstance
    attributes: Attributes
    last: float
    peak: float


@dataclass(frozen=True)
class Incident:
    """Everything that the files say of circuits."""

    circuits: tuple[CircuitTimeline, ...]
    """Those that moved, or refused calls; the first to open comes first."""
    unchanged_circuits: int
    """How many others made calls and never moved."""
    start: int
    """Of anything that any circuit did; 0 when there was nothing."""
    end: int
    request_names: Mapping[str, str] = field(default_factory=dict)
    """The name of the request that a trace is about, by trace id, for calls that are shown."""
    metric_series: tuple[MetricSeries, ...] = ()

    def request_name(self, trace_id: str) -> str:
        """What a trace is about, or nothing."""
        return self.request_names.get(trace_id, "")

    @property
    def episodes(self) -> list[tuple[CircuitTimeline, IncidentEpisode]]:
        """All of them in order of time."""
        found = [(circuit, episode) for circuit in self.circuits for episode in circuit.episodes]
        return sorted(found, key=lambda pair: pair[1].start)

    @property
    def extent(self) -> tuple[int, int]:
        """From the first opening or move to the last recovery or move; to the end while a circuit is open."""
        times = [move.time for circuit in self.circuits for move in circuit.state_changes]
        times += [time for _, episode in self.episodes for time in (episode.start, episode.end or self.end)]
        return (min(times), max(times)) if times else (self.start, self.end)
