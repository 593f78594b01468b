"""Reports what became of the targets: to the application, as a metric, and in the log when the program ends."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import get_meter

from otel_breaker import diagnostics
from otel_breaker.forks import FORKS
from otel_breaker.telemetry import names
from otel_breaker.telemetry.background import run_in_background
from otel_breaker.version import __version__
from otel_breaker_instrumentation.targets import metric
from otel_breaker_instrumentation.targets.manager import TARGET_MANAGER, TargetManager
from otel_breaker_instrumentation.targets.pending import NOT_YET
from otel_breaker_instrumentation.targets.report_builder import build_report

if TYPE_CHECKING:
    from collections import Counter

    from otel_breaker_instrumentation.targets.report import Report, Status


class TargetReporter:
    """Reports what became of the targets of a manager."""

    def __init__(self, manager: TargetManager) -> None:
        self._manager = manager
        self._is_started = False
        self._last_report: Report | None = None
        """The report at the program's end, when the manager has dropped its references."""

    def start(self) -> None:
        """Create the metric, and report at the program's end; does nothing when it has been started."""
        if self._is_started:
            return
        self._is_started = True
        atexit.register(self._end)
        run_in_background(self._create_metric)

    def report(self) -> Report:
        """What became of every target, and what bypasses its guard."""
        self._manager.guard_unnoticed()
        if self._last_report is not None:
            return self._last_report
        self._manager.find_attributes()
        return self._build(searched=True)

    def count(self) -> Counter[Status]:
        """How many targets are of which status; cheaper than a report."""
        if self._last_report is not None:
            return self._last_report.counts
        if self._manager.has_unnoticed():
            # In another thread: the one that collects metrics holds a lock, and guarding makes breakers, which add
            # to the metrics.
            with suppress(RuntimeError):  # the program is ending
                threading.Thread(target=self._manager.guard_unnoticed, name="otel_breaker-targets", daemon=True).start()
        return self._build(explained=False).counts

    def _build(self, *, explained: bool = True, searched: bool = False) -> Report:
        manager = self._manager
        return build_report(
            manager.targets(), manager.guarded(), manager.failures(), explained=explained, searched=searched
        )

    def _create_metric(self) -> None:
        try:
            metric.create_instrument(get_meter(names.SCOPE, __version__), self.count)
        except Exception:
            diagnostics.exception("the metric %s cannot be shown", names.METRIC_TARGETS)

    def _end(self) -> None:
        self._manager.guard_unnoticed()
        self._last_report = self._build()
        # The workers of a server import modules that its master never does, and log their own targets.
        problem = self._last_report.problem_summary(except_reason=NOT_YET if FORKS.has_children else None)
        if problem is not None:
            diagnostics.warning(problem)
        self._manager.release()


TARGET_REPORTER: Final = TargetReporter(TARGET_MANAGER)


def report() -> Report:
    """What became of every target of the configuration that is applied.

    Returns:
        A `TargetReport` for each function that a target names, in the order of the configuration; `str` of it has
        a line for each. Empty when nothing is configured.
    """
    return TARGET_REPORTER.report()
