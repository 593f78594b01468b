"""Makes the circuits of breakers.

Imported when a process makes its first breaker, with the settings and all that a circuit consists of: a process that
only imports the package loads none of it. So nothing that a call, a state change or a fork needs is imported later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.circuit import Circuit, Listeners
from otel_breaker.settings import identifiers
from otel_breaker.telemetry import events
from otel_breaker.telemetry.configuration import TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.settings import Settings


def make_circuit(name: str, key: str | None, settings: Settings, clock: Callable[[], float] | None) -> Circuit:
    """Make a circuit whose state changes are log events.

    Args:
        name: its breaker's.
        key: distinguishes the circuits of a keyed breaker, as the caller gave it.
        settings: perhaps with references, which are imported.
        clock: monotonic seconds; the runtime's unless given.

    Raises:
        InvalidSettings: when a reference cannot be imported.
    """
    TELEMETRY.read_environment()
    shown_key = None if key is None else identifiers.shown(key)
    return Circuit(name, shown_key, settings.resolved(), events.LISTENERS, clock)


def make_listeners() -> Listeners:
    """Make room for listeners of one breaker, after those of all breakers."""
    return Listeners(events.LISTENERS)
