"""One circuit of a living process: the only place where lock, clock and listeners meet the machine.

`circuit` takes the lock, `decisions` is what runs under it, and `fast_path` is what callers may do without it. Nothing
here imports OpenTelemetry or knows what a guarded function looks like.
"""

from otel_breaker.circuit.changes import StateChange
from otel_breaker.circuit.circuit import Circuit
from otel_breaker.circuit.listeners import Listener, Listeners
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.circuit.snapshot import Reading, Snapshot

__all__ = ["RUNTIME", "Circuit", "Listener", "Listeners", "Reading", "Snapshot", "StateChange"]
