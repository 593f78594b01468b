"""Every setting: its name, default and meaning, the values that are allowed, and the errors for others.

Where a mapping of settings comes from (a file, the environment) is not known here.
"""

from otel_breaker.settings.breaker_settings import Settings
from otel_breaker.settings.keywords import Keywords, Mode
from otel_breaker.settings.references import Reference
from otel_breaker.settings.telemetry_settings import Events, Spans, TelemetryKeywords, TelemetrySettings

__all__ = ["Events", "Keywords", "Mode", "Reference", "Settings", "Spans", "TelemetryKeywords", "TelemetrySettings"]
