"""Which features the installed release of OpenTelemetry's API has; each is newer than the oldest supported release.

A feature is detected by the attribute or parameter that is used, never by a version number.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.trace import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context


def has_parameter(function: Callable[..., Any], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters


SPANS_ADD_LINKS: Final = hasattr(Span, "add_link")
"""Whether a link can be added to a span after its start (1.23)."""

HISTOGRAMS_ADVISE_BOUNDARIES: Final = has_parameter(Meter.create_histogram, "explicit_bucket_boundaries_advisory")
"""Whether an instrument can advise bucket boundaries (1.30); a view can set them in every release."""

HISTOGRAMS_TAKE_A_CONTEXT: Final = has_parameter(Histogram.record, "context")
"""Whether an exemplar can refer to another span than the current one (1.28)."""

# The functions of the API only call these methods. The object has no public name yet; where a release renames it, the
# functions remain.
_CONTEXTS: Final[Any] = getattr(otel_context, "_RUNTIME_CONTEXT", None) or otel_context
attach: Final[Callable[[Context], object]] = _CONTEXTS.attach
"""`opentelemetry.context.attach`, in fewer steps."""
get_current: Final[Callable[[], Context]] = _CONTEXTS.get_current
"""`opentelemetry.context.get_current`, in fewer steps."""


def is_api_default(part: object) -> bool:
    """Whether a provider, or what it creates, is the API's own: a no-op, or a proxy for one that is set later."""
    return type(part).__module__.startswith(("opentelemetry.metrics", "opentelemetry._logs"))
