"""One circuit of a living process: the only place where lock, clock and listeners meet the machine.

`circuit` takes the lock, `decisions` is what runs under it, and `fast_path` is what callers may do without it. Nothing
here imports OpenTelemetry or knows what a guarded function looks like.
"""

from typing import TYPE_CHECKING

from otel_breaker.lazy_names import import_when_asked

if TYPE_CHECKING:
    from otel_breaker.circuit.circuit import Circuit
    from otel_breaker.circuit.listeners import Listener, Listeners
    from otel_breaker.circuit.runtime import RUNTIME
    from otel_breaker.circuit.snapshot import Reading, Snapshot
    from otel_breaker.circuit.state_change import StateChange

__all__ = ["RUNTIME", "Circuit", "Listener", "Listeners", "Reading", "Snapshot", "StateChange"]

import_when_asked(
    globals(),
    RUNTIME="runtime",
    Circuit="circuit",
    Listener="listeners",
    Listeners="listeners",
    Reading="snapshot",
    Snapshot="snapshot",
    StateChange="state_change",
)
