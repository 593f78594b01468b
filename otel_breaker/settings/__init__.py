"""What can be set on a breaker: every setting, its default, its meaning, and what is allowed.

`model` holds the settings, `values` reads single values, `code` those that stand for code. Where a mapping
comes from (a file, the environment) is not known here.
"""

from otel_breaker.settings.code import Reference
from otel_breaker.settings.model import Keywords, Mode, Settings
from otel_breaker.settings.switches import Events, Spans, Switches, SwitchKeywords

__all__ = ["Events", "Keywords", "Mode", "Reference", "Settings", "Spans", "SwitchKeywords", "Switches"]
