"""What a circuit looks like at one instant, for health endpoints and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker.core.states import CircuitState


@dataclass(frozen=True)
class Snapshot:
    """A consistent view: all fields were read at once."""

    name: str
    key: str | None
    state: CircuitState
    mode: str
    episode: str | None
    calls: Mapping[str, int]
    """How many calls ended how, by outcome."""
    consecutive_failures: int
    window_calls: int
    window_failures: int
    window_slow: int
    probes_in_flight: int
    retry_after: float | None
    """Seconds until a probe may go; None when only an operator can tell."""
    opened_at: float | None
    """When the circuit opened, in seconds since the epoch, for display only."""
    last_failure_type: str | None
    last_failure_time: float | None
    """Seconds since the epoch, for display only."""
    forced_by: str | None
    forced_reason: str | None
