"""Installs guards in place of functions, removes them again, and reports what became of every target.

What a configuration names is known before (entries.py), and never looked for here.

- When: `imports` waits for modules, and `manager` acts when one is there.
- What: `lookup` resolves the names of a target; `plan` compares them with what is guarded.
- How: `guards` and `proxies` make a guard, unless it would guard its `own_dependencies`.
- Where: `patch` is one slot, `guarded_function` all slots of a function, `installed` all functions; `aliases` finds
  further slots.
- Report: `report` is the data, `report_builder` fills it, `reporter` hands it out, `metric` counts it; `pending`
  explains what waits, `bypasses` finds calls that no guard sees.
"""

from otel_breaker_instrumentation.targets.manager import TARGET_MANAGER
from otel_breaker_instrumentation.targets.report import Report, Status, TargetReport
from otel_breaker_instrumentation.targets.reporter import TARGET_REPORTER, report

__all__ = ["TARGET_MANAGER", "TARGET_REPORTER", "Report", "Status", "TargetReport", "report"]
