"""One circuit in a living process: the only place where lock, clock and listeners meet the machine.

`circuit` decides under the lock, `changes` announces after it, `owners` tells who is calling. Nothing here knows
OpenTelemetry or what a guarded function looks like.
"""

from otel_breaker.circuit.changes import Listener, Listeners, StateChange
from otel_breaker.circuit.circuit import WORLD, Circuit
from otel_breaker.circuit.snapshot import Snapshot

__all__ = ["WORLD", "Circuit", "Listener", "Listeners", "Snapshot", "StateChange"]
