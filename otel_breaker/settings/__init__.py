"""What can be set on a breaker: every setting, its default, its meaning, and what is allowed.

`model` holds the settings, `values` reads single values, `code` those that stand for code. Where a mapping
comes from (a file, the environment) is not known here.
"""

from otel_breaker.settings.breaker_settings import Keywords, Mode, Settings
from otel_breaker.settings.references import Reference
from otel_breaker.settings.telemetry_settings import Events, Spans, TelemetryKeywords, TelemetrySettings

__all__ = ["Events", "Keywords", "Mode", "Reference", "Settings", "Spans", "TelemetryKeywords", "TelemetrySettings"]
