"""Every setting: its name, default and meaning, the values that are allowed, and the errors for others.

Where a mapping of settings comes from (a file, the environment) is not known here.
"""

from typing import TYPE_CHECKING

from otel_breaker.lazy_names import import_when_asked

if TYPE_CHECKING:
    from otel_breaker.settings.breaker_settings import Settings
    from otel_breaker.settings.keywords import Keywords
    from otel_breaker.settings.mode import Mode
    from otel_breaker.settings.references import Reference
    from otel_breaker.settings.telemetry_settings import Events, Spans, TelemetryKeywords, TelemetrySettings

__all__ = ["Events", "Keywords", "Mode", "Reference", "Settings", "Spans", "TelemetryKeywords", "TelemetrySettings"]

import_when_asked(
    globals(),
    Events="telemetry_settings",
    Keywords="keywords",
    Mode="mode",
    Reference="references",
    Settings="breaker_settings",
    Spans="telemetry_settings",
    TelemetryKeywords="telemetry_settings",
    TelemetrySettings="telemetry_settings",
)
