"""All guards of the process that a configuration has asked for: one list, to put them in place and to take them away.

A target is looked up when the application imports its module and never before. Whatever goes wrong is reported and
leaves that target unguarded; the application's import never fails because of us. What looks around in the
application runs without the lock: it may import, and whoever imports may be waiting for the lock.
"""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import get_meter

from otel_breaker import diagnostics
from otel_breaker.circuit import RUNTIME
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
from otel_breaker.telemetry import names
from otel_breaker.telemetry.background import run_in_background
from otel_breaker.version import __version__
from otel_breaker_instrumentation.targets import metric
from otel_breaker_instrumentation.targets.aliases import all_modules, find_aliases, find_attributes, neighbours
from otel_breaker_instrumentation.targets.imports import is_complete, when_imported
from otel_breaker_instrumentation.targets.installed import InstalledGuards
from otel_breaker_instrumentation.targets.pending import NOT_YET
from otel_breaker_instrumentation.targets.plan import make_plan
from otel_breaker_instrumentation.targets.report_builder import build_report

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.aliases import Find, Modules
    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
    from otel_breaker_instrumentation.targets.patch import AttributeSlot
    from otel_breaker_instrumentation.targets.plan import Failure, Plan
    from otel_breaker_instrumentation.targets.report import Report, Status


class TargetManager:
    """The guards of the configuration in force."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._targets: tuple[Target, ...] = ()
        self._by_module: dict[str, list[Target]] = {}
        self._exact: frozenset[str] = frozenset()
        self._awaited: set[str] = set()
        self._failures: dict[str, list[Failure]] = {}
        self._standing = InstalledGuards()
        self._changing = False
        self._shown = False
        self._last_report: Report | None = None
        """Once the program ends and nothing is held any longer."""

    def change(self, targets: Iterable[Target]) -> None:
        """Guard these targets and no others: each as soon as its module is imported, or now when it has been.

        What is guarded already, by the same breaker, is left as it is, and its circuit keeps its state.
        Without targets, every namespace is left as it was before the first of them.
        """
        gone, wanted = self._exchange(tuple(targets))
        RUNTIME.cancel_on_first_call(self.look_around)
        if wanted:
            RUNTIME.on_first_call(self.look_around)
        self._show()
        self._changing = True
        try:
            for module in gone:
                self._fit(module, None)
            for module in wanted:
                try:
                    self._attend(module)
                except Exception:
                    diagnostics.exception("the targets in %s are not guarded", module)
        finally:
            self._changing = False
        self._add_found(find_aliases, self._standing.all(), all_modules())

    @locked
    def _exchange(self, targets: tuple[Target, ...]) -> tuple[list[str], list[str]]:
        """Put others in force; returns in which modules nothing is wanted any longer, and in which something is."""
        by_module: dict[str, list[Target]] = {}
        for target in targets:
            by_module.setdefault(target.pattern.module, []).append(target)
        gone = [module for module in self._by_module if module not in by_module]
        self._targets, self._by_module = targets, by_module
        self._exact = frozenset(target.function for target in targets if not target.pattern.is_wild)
        return gone, list(by_module)

    def look_around(self) -> None:
        """Guard what is in modules that came although no import hook fired.

        A finder in front of the one that calls the hooks finds modules by itself: those of type checkers, of pytest
        and of frozen programs do.
        """
        for name in self._unnoticed():
            module = sys.modules.get(name)
            if module is not None:
                self._arrived(name, module, by_import=False)

    def report(self) -> Report:
        """What became of every target, and who calls past its guard."""
        self.look_around()
        if self._last_report is not None:
            return self._last_report
        self._add_found(find_attributes, self._standing.all(), all_modules())
        return build_report(self._targets, self._standing.all(), self._all_failures(), searched=True)

    def count(self) -> Counter[Status]:
        """How many targets are of which status; cheaper than a report."""
        if self._last_report is not None:
            return self._last_report.counts
        if self._unnoticed():
            # Not here: whoever collects metrics holds a lock, and guarding makes breakers, which add to the metrics.
            with suppress(RuntimeError):  # the program is ending
                threading.Thread(target=self.look_around, name="otel_breaker-targets", daemon=True).start()
        return build_report(self._targets, self._standing.all(), self._all_failures(), explained=False).counts

    def after_fork(self) -> None:
        """In a forked child: whoever held the lock, or was changing targets, is gone."""
        self._lock = threading.RLock()
        self._changing = False

    def _unnoticed(self) -> list[str]:
        return [name for name in list(self._awaited) if is_complete(name)]

    def _attend(self, name: str) -> None:
        # One that another thread was importing when it was asked for may have slipped through.
        if name not in self._awaited or is_complete(name):
            self._awaited.add(name)
            when_imported(name, partial(self._arrived, name))

    def _arrived(self, name: str, module: ModuleType, by_import: bool) -> None:
        self._awaited.discard(name)
        try:
            self.look_around()
            news = self._fit(name, module)
            if news and not self._changing:
                self._add_found(find_aliases, news, neighbours(module) if by_import else all_modules())
        except Exception:
            # An import hook that raises breaks the application's import.
            diagnostics.exception("the targets in %s are not guarded", name)

    def _fit(self, name: str, module: ModuleType | None) -> list[GuardedFunction]:
        """Make what is guarded in a module what is wanted there; returns what is new."""
        while True:
            targets, present = self._by_module.get(name), self._standing.of(name)
            if targets and module is None:
                return []  # wanted again by another thread, which sees to it
            plan = make_plan(module, targets or (), present, self._exact, self._standing.reveal)
            told = self._put(name, plan, targets, present)
            if told is None:
                continue  # somebody was faster
            for failure in plan.failures:
                if (failure.function, failure.reason) not in told:
                    failure.tell()
            return [guarded for guarded in plan.new if guarded.points]

    @locked
    def _put(
        self, name: str, plan: Plan, targets: list[Target] | None, present: Mapping[str, GuardedFunction]
    ) -> set[tuple[str, str]] | None:
        """Carry out a plan; returns what was told of the module before, or None where the plan is out of date."""
        if self._by_module.get(name) is not targets or self._standing.of(name) is not present:
            return None
        plan.failures += self._standing.replace(name, plan.kept, plan.new)
        told = {(failure.function, failure.reason) for failure in self._failures.pop(name, ())}
        if targets:
            self._failures[name] = plan.failures
        return told

    def _add_found(self, find: Find, news: Iterable[GuardedFunction], modules: Modules) -> None:
        wanted = {value_id: guarded for guarded in news for value_id in guarded.alias_ids}
        if not wanted:
            return
        for name, place, value in find(frozenset(wanted), modules):
            guarded = wanted.get(id(value)) or wanted[id(value.__func__)]  # a method, bound or not yet
            self._add_alias(guarded, name, place, value)

    @locked
    def _add_alias(self, guarded: GuardedFunction, name: str, place: AttributeSlot, value: object) -> None:
        self._standing.add_alias(guarded, name, place, value)

    def _all_failures(self) -> list[Failure]:
        return [failure for failures in list(self._failures.values()) for failure in failures]

    def _show(self) -> None:
        if self._shown:
            return
        self._shown = True
        atexit.register(self._end)
        run_in_background(self._make_metric)

    def _make_metric(self) -> None:
        try:
            metric.show(get_meter(names.SCOPE, __version__), self.count)
        except Exception:
            diagnostics.exception("the metric %s cannot be shown", names.METRIC_TARGETS)

    def _end(self) -> None:
        """Tell what was not guarded, and let go of the application's modules; guards stay where they are.

        A module that is still held when Python takes modules apart loses its globals before its objects are finalised.
        """
        self.look_around()
        self._last_report = build_report(self._targets, self._standing.all(), self._all_failures())
        # The workers of a server import what its master never does, and say so themselves.
        complaint = self._last_report.problem_summary(but=NOT_YET if FORKS.has_children else None)
        if complaint is not None:
            diagnostics.warning(complaint)
        self._forget()

    @locked
    def _forget(self) -> None:
        self._by_module, self._failures, self._standing = {}, {}, InstalledGuards()
        self._awaited.clear()


TARGET_MANAGER: Final = TargetManager()
FORKS.register(ForkStage.LOCKS, TARGET_MANAGER.after_fork)


def report() -> Report:
    """What became of every target of the configuration in force.

    Returns:
        A `TargetReport` for each function that a target names, in the order of the configuration; `str` of it has
        a line for each. Empty when nothing is configured.
    """
    return TARGET_MANAGER.report()
