"""The program that `otel-breaker check --start` runs in the application's place: reports which targets are guarded.

It runs as `python -m`, under `opentelemetry-instrument`, and imports the modules of the targets.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from otel_breaker_instrumentation import OtelBreakerInstrumentor
from otel_breaker_instrumentation.targets import report


def build_report() -> dict[str, Any]:
    """Import the modules of all targets, and report which targets are not guarded in this process."""
    failures = {}
    for module in dict.fromkeys(line.target.partition(":")[0] for line in report()):
        try:
            import_module(module)
        except BaseException as error:  # a script may end the process
            failures[module] = f"{module!r} cannot be imported: {type(error).__name__}: {error}"
    problems = []
    lines = report()
    for line in lines:
        if line.problem is not None:
            problem = line.problem if line.bypassed_by else failures.get(line.target.partition(":")[0], line.problem)
            problems.append({"path": line.path, "problem": problem, "remedy": line.remedy})
    return {
        "is_loaded": bool(OtelBreakerInstrumentor().is_instrumented_by_opentelemetry),
        "summary": str(lines).partition("\n")[0],
        "problems": problems,
        "count": len(lines),
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(build_report()), encoding="utf-8")
    sys.stderr.flush()
    os._exit(0)  # skips the flush at exit: no call was made, so there is nothing to export
