"""The histogram of call durations. Its series are bounded, because names and error types come from applications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker.telemetry import names
from otel_breaker.telemetry.api_features import HISTOGRAMS_TAKE_A_CONTEXT
from otel_breaker.telemetry.metrics.series import MOST_NAMES
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram
    from opentelemetry.util.types import AttributeValue

    from otel_breaker.core.states import Outcome

MOST_ERROR_TYPES: Final = 10
"""Error types per name that have a series of their own; the others share one."""


class Durations:
    """Records the duration of each call.

    Args:
        histogram: records seconds.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._error_types: dict[str, set[str]] = {}

    def record(self, seconds: float, name: str, outcome: Outcome, error_type: str | None, context: Context) -> None:
        """Record one call.

        Args:
            seconds: its duration.
            name: its breaker's.
            outcome: its outcome.
            error_type: the type of the error that the caller sees; None when there is none.
            context: contains its span, for an exemplar.
        """
        name, known = self._bounded(name)
        attributes: dict[str, AttributeValue] = {names.NAME: name, names.CALL_OUTCOME: outcome.value}
        if error_type is not None:
            if len(known) < MOST_ERROR_TYPES:
                known.add(error_type)
            attributes[names.ERROR_TYPE] = error_type if error_type in known else OTHER
        if HISTOGRAMS_TAKE_A_CONTEXT:
            self._histogram.record(seconds, attributes, context)
        else:
            self._histogram.record(seconds, attributes)

    def _bounded(self, name: str) -> tuple[str, set[str]]:
        """The exported name, and its error types that have a series of their own."""
        known = self._error_types.get(name)
        if known is None and len(self._error_types) >= MOST_NAMES:
            name = OTHER
        return name, self._error_types.setdefault(name, set()) if known is None else known
