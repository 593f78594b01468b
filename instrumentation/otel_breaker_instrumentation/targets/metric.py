"""The instrument `circuit_breaker.targets`: how many targets are guarded, and how many are not, by status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from otel_breaker.telemetry import names
from otel_breaker_instrumentation.targets.report import Status

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator


def create_instrument(meter: Meter, count: Callable[[], Counter[Status]]) -> None:
    """Create the instrument; once, since the SDK ignores the callbacks of a second one.

    Args:
        meter: creates it.
        count: counts the targets at each collection.
    """

    def observe(_: CallbackOptions) -> Iterator[Observation]:
        counts = count()
        for status in Status:
            yield Observation(counts[status], {names.TARGET_STATUS: status.value})

    meter.create_observable_up_down_counter(
        names.METRIC_TARGETS, [observe], "{target}", "Configured targets by what became of them."
    )
