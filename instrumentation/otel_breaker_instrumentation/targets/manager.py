"""Guards the targets of the configuration that is applied, and restores what no target names any longer.

A target is looked up when the application imports its module and never before. A fault is logged and leaves that
target unguarded; the application's import never fails because of it. The application's code runs without the lock:
it may import, and a thread that imports may wait for the lock.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_breaker import diagnostics
from otel_breaker.circuit import RUNTIME
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.locks import locked
from otel_breaker_instrumentation.targets.aliases import all_modules, find_aliases, find_attributes, neighbours
from otel_breaker_instrumentation.targets.imports import is_complete, when_imported
from otel_breaker_instrumentation.targets.installed import InstalledGuards
from otel_breaker_instrumentation.targets.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.aliases import Find, Modules
    from otel_breaker_instrumentation.targets.failure import TargetFailure
    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
    from otel_breaker_instrumentation.targets.patch import AttributeSlot
    from otel_breaker_instrumentation.targets.plan import Plan


class TargetManager:
    """The targets of the configuration that is applied, and their guards."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._targets: tuple[Target, ...] = ()
        self._by_module: dict[str, list[Target]] = {}
        self._exact: frozenset[str] = frozenset()
        """Functions that targets name in full, which no pattern guards."""
        self._awaited: set[str] = set()
        """Modules whose import is waited for."""
        self._failures: dict[str, list[TargetFailure]] = {}
        self._installed = InstalledGuards()
        self._changing = False

    def change(self, targets: Iterable[Target]) -> None:
        """Guard these targets and no others: each as soon as its module is imported, or now when it has been.

        A function that is guarded already, by the same breaker, keeps its guard, and its circuit keeps its state.
        Without targets, every namespace is restored as it was before the first of them.
        """
        gone, wanted = self._replace_targets(tuple(targets))
        RUNTIME.cancel_on_first_call(self.guard_unnoticed)
        if wanted:
            RUNTIME.on_first_call(self.guard_unnoticed)
        self._changing = True
        try:
            for module in gone:
                self._update_module(module, None)
            for module in wanted:
                try:
                    self._await_import(module)
                except Exception:
                    diagnostics.exception("the targets in %s are not guarded", module)
        finally:
            self._changing = False
        self._add_aliases(find_aliases, self._installed.all(), all_modules())

    @locked
    def _replace_targets(self, targets: tuple[Target, ...]) -> tuple[list[str], list[str]]:
        """Replace the targets; returns the modules that have none any longer, and those that have some."""
        by_module: dict[str, list[Target]] = {}
        for target in targets:
            by_module.setdefault(target.pattern.module, []).append(target)
        gone = [module for module in self._by_module if module not in by_module]
        self._targets, self._by_module = targets, by_module
        self._exact = frozenset(target.function for target in targets if not target.pattern.is_wild)
        return gone, list(by_module)

    def guard_unnoticed(self) -> None:
        """Guard the targets of modules whose import called no hook.

        A finder in front of the one that calls the hooks finds modules by itself: those of type checkers, of pytest
        and of frozen programs do.
        """
        for name in self._unnoticed():
            module = sys.modules.get(name)
            if module is not None:
                self._on_import(name, module, by_import=False)

    def has_unnoticed(self) -> bool:
        """Whether `guard_unnoticed` has something to do."""
        return bool(self._unnoticed())

    def find_attributes(self) -> None:
        """Find the attributes of classes that hold guarded functions; they are reported, and not guarded."""
        self._add_aliases(find_attributes, self._installed.all(), all_modules())

    def targets(self) -> tuple[Target, ...]:
        return self._targets

    def guarded(self) -> list[GuardedFunction]:
        """The guards in place."""
        return self._installed.all()

    def failures(self) -> list[TargetFailure]:
        """Why other targets are not guarded."""
        return [failure for failures in list(self._failures.values()) for failure in failures]

    @locked
    def release(self) -> None:
        """Drop all references to the application's modules at the program's end; guards stay in place.

        A module that is still referenced when Python takes modules apart loses its globals before its objects are
        finalised.
        """
        self._by_module, self._failures, self._installed = {}, {}, InstalledGuards()
        self._awaited.clear()

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock, or was changing targets, does not exist here."""
        self._lock = threading.RLock()
        self._changing = False

    def _unnoticed(self) -> list[str]:
        return [name for name in list(self._awaited) if is_complete(name)]

    def _await_import(self, name: str) -> None:
        # A module that another thread was importing when the hook was set may have been missed.
        if name not in self._awaited or is_complete(name):
            self._awaited.add(name)
            when_imported(name, partial(self._on_import, name))

    def _on_import(self, name: str, module: ModuleType, by_import: bool) -> None:
        self._awaited.discard(name)
        try:
            self.guard_unnoticed()
            new = self._update_module(name, module)
            if new and not self._changing:
                self._add_aliases(find_aliases, new, neighbours(module) if by_import else all_modules())
        except Exception:
            # An import hook that raises breaks the application's import.
            diagnostics.exception("the targets in %s are not guarded", name)

    def _update_module(self, name: str, module: ModuleType | None) -> list[GuardedFunction]:
        """Guard in a module what its targets name, and restore the rest; returns what is new."""
        while True:
            targets, present = self._by_module.get(name), self._installed.in_module(name)
            if targets and module is None:
                return []  # another thread has added targets of it, and guards them
            plan = make_plan(module, targets or (), present, self._exact, self._installed.original_of)
            logged = self._carry_out(name, plan, targets, present)
            if logged is None:
                continue  # another thread was faster
            for failure in plan.failures:
                if (failure.function, failure.reason) not in logged:
                    failure.log()
            return [guarded for guarded in plan.new if guarded.patches]

    @locked
    def _carry_out(
        self, name: str, plan: Plan, targets: list[Target] | None, present: Mapping[str, GuardedFunction]
    ) -> set[tuple[str, str]] | None:
        """Carry out a plan; returns the module's failures before, which are logged, or None if it is out of date."""
        if self._by_module.get(name) is not targets or self._installed.in_module(name) is not present:
            return None
        plan.failures += self._installed.replace(name, plan.kept, plan.new)
        logged = {(failure.function, failure.reason) for failure in self._failures.pop(name, ())}
        if targets:
            self._failures[name] = plan.failures
        return logged

    def _add_aliases(self, find: Find, new: Iterable[GuardedFunction], modules: Modules) -> None:
        wanted = {value_id: guarded for guarded in new for value_id in guarded.alias_ids}
        if not wanted:
            return
        for name, slot, value in find(frozenset(wanted), modules):
            guarded = wanted.get(id(value)) or wanted[id(value.__func__)]  # a method, bound or not yet
            self._add_alias(guarded, name, slot, value)

    @locked
    def _add_alias(self, guarded: GuardedFunction, name: str, slot: AttributeSlot, value: object) -> None:
        self._installed.add_alias(guarded, name, slot, value)


TARGET_MANAGER: Final = TargetManager()
FORKS.register(ForkStage.LOCKS, TARGET_MANAGER.after_fork)
