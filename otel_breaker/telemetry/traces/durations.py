"""The histogram of how long calls take, whose series are bounded: names and types of errors come from applications."""

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
"""Types of errors of one name with series of their own; all further ones are shown together."""


class Durations:
    """Takes the seconds of each call.

    Args:
        histogram: shows them.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._error_types: dict[str, set[str]] = {}

    def record(self, seconds: float, name: str, outcome: Outcome, error_type: str | None, context: Context) -> None:
        """Take in one call.

        Args:
            seconds: that it took.
            name: of its breaker.
            outcome: what became of it.
            error_type: of what its caller sees; None when that is no error.
            context: holds its span, so that an exemplar leads there.
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
        """The name to show, and the types of errors that are shown of it."""
        known = self._error_types.get(name)
        if known is None and len(self._error_types) >= MOST_NAMES:
            name = OTHER
        return name, self._error_types.setdefault(name, set()) if known is None else known
