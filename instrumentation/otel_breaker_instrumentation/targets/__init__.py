"""Guards in place of functions, put there and taken away again.

`imports` says when there is something to look at, `lookup` what a target names there, `plan` what is to be done,
`guards` what is put in place of a function, `points` and `standing` where, `aliases` where else; `patches` puts it all
together; `reports` and `telling` tell of it, `metric` counts it.
What a configuration says is known before (entries.py), and never looked for here.
"""

from otel_breaker_instrumentation.targets.manager import TARGET_MANAGER, TargetManager, report
from otel_breaker_instrumentation.targets.report import Report, Status, TargetReport

__all__ = ["TARGET_MANAGER", "Report", "Status", "TargetManager", "TargetReport", "report"]
