"""What the installed release of OpenTelemetry's API can do, looked at once: each of these came after the oldest one.

Nothing here reads a version number; what is looked for is the very thing that is used.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import Logger
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.trace import Span

if TYPE_CHECKING:
    from collections.abc import Callable


def _takes(function: Callable[..., Any], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters


SPANS_ADD_LINKS: Final = hasattr(Span, "add_link")
"""Whether a span can link to another after its start (1.23)."""

HISTOGRAMS_ADVISE_BOUNDARIES: Final = _takes(Meter.create_histogram, "explicit_bucket_boundaries_advisory")
"""Whether a histogram can say which buckets suit it (1.30); a view can, always."""

HISTOGRAMS_TAKE_A_CONTEXT: Final = _takes(Histogram.record, "context")
"""Whether a value can be recorded for another span than the current one (1.28), for exemplars."""

LOGGERS_EMIT_EVENTS: Final = _takes(Logger.emit, "event_name")
"""Whether a log event can be emitted without the SDK's own classes (1.38)."""


def is_of_the_api(part: object) -> bool:
    """Whether a provider, or what one makes, is the API's own: it does nothing, or waits for one that does."""
    return type(part).__module__.startswith(("opentelemetry.metrics", "opentelemetry._logs"))
