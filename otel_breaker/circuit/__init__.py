"""One circuit in a living process: the only place where lock, clock and listeners meet the machine.

`circuit` says who decides, `decisions` is what runs under the lock, `record` keeps the story, `changes` tells it after
the lock, `owners` and `mark` tell nested calls from others. Nothing here knows OpenTelemetry or what a guarded function
looks like.
"""

from otel_breaker.circuit.changes import Listener, Listeners, StateChange
from otel_breaker.circuit.circuit import Circuit
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.circuit.snapshot import Reading, Snapshot

__all__ = ["RUNTIME", "Circuit", "Listener", "Listeners", "Reading", "Snapshot", "StateChange"]
