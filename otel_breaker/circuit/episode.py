"""An episode: one outage of a dependency, as one circuit sees it."""

from __future__ import annotations

import os
import time

from otel_breaker.core.counters import CallCounter


class Episode:
    """One outage: from the first opening, through failed recoveries, to the recovery.

    Args:
        opened_at: monotonic seconds of the first opening.
    """

    __slots__ = (
        "failed_recoveries",
        "id",
        "opened_at",
        "opened_time",
        "probes",
        "refusals",
        "rejected_spans",
        "rejected_spans_second",
        "span_context",
    )

    def __init__(self, opened_at: float) -> None:
        self.id = os.urandom(8).hex()
        """Globally unique."""
        self.opened_at = opened_at
        self.opened_time = time.time()
        """Seconds since the epoch."""
        self.span_context: object = None
        """The span context of the call that last opened the circuit: the trip, or the probe that failed."""
        self.refusals = CallCounter()
        self.probes = 0
        self.failed_recoveries = 0
        self.rejected_spans_second = 0
        """The second for which telemetry counts `rejected_spans`."""
        self.rejected_spans = 0
        """The refused calls with a span in that second."""

    @property
    def rejected(self) -> int:
        """The calls refused so far; read under the circuit's lock."""
        return self.refusals()
