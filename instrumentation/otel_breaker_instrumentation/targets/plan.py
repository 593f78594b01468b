"""What is to be done in one module: which guards stay, which are new, and why others cannot be. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_breaker import InvalidSettings
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation.targets.failure import TargetFailure
from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
from otel_breaker_instrumentation.targets.guards import guarded_by, make_guard, why_not
from otel_breaker_instrumentation.targets.lookup import NotThereError, ResolvedName, look_up
from otel_breaker_instrumentation.targets.report import Status
from otel_breaker_instrumentation.targets.wanted_guard import WantedGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from otel_breaker_instrumentation.entries import Target


@dataclass
class Plan:
    """What is to be done in a module; new guards are made, and not installed."""

    kept: dict[str, GuardedFunction] = field(default_factory=dict)
    new: list[GuardedFunction] = field(default_factory=list)
    failures: list[TargetFailure] = field(default_factory=list)


def make_plan(
    module: Any,
    targets: Collection[Target],
    present: Mapping[str, GuardedFunction],
    exact: Collection[str],
    original_of: Callable[[Any], Any],
) -> Plan:
    """Plan the guards of a module. Runs code of the application, such as a module's `__getattr__`.

    Args:
        module: where to look.
        targets: what is to be guarded there.
        present: what is guarded there now, by name.
        exact: functions that targets name in full.
        original_of: gives what a slot held before a guard of ours; any other value itself.
    """
    plan = Plan()
    for function, wanted in _wanted_guards(module, targets, exact, original_of, plan.failures).items():
        guarded = present.get(function)
        if wanted.target.function_settings is not None:
            REGISTRY.configure_unless_named(wanted.template.name, wanted.target.function_settings)
        if guarded is not None and guarded.satisfies(wanted):
            wanted.value = guarded.wanted.value  # the slot may hold a wrapper of the guard by now
            guarded.wanted = wanted
            plan.kept[function] = guarded
            continue
        made = _make(wanted)
        if isinstance(made, TargetFailure):
            plan.failures.append(made)
        else:
            plan.new.append(made)
    return plan


def _wanted_guards(
    module: Any,
    targets: Collection[Target],
    exact: Collection[str],
    original_of: Callable[[Any], Any],
    failures: list[TargetFailure],
) -> dict[str, WantedGuard]:
    """By function; why a target names none is added to the failures."""
    wanted, slots = dict[str, WantedGuard](), set[tuple[int, str]]()

    def is_taken(resolved: ResolvedName) -> bool:
        return resolved.function in exact or resolved.function in wanted or resolved.slot.key in slots

    for target in sorted(targets, key=lambda target: target.pattern.is_wild):  # what is named in full comes first
        try:
            resolved = look_up(target, module, original_of, is_taken)
        except NotThereError as error:
            failures.append(TargetFailure(target, target.function, error.reason, error.remedy, Status.MISSING))
        except Exception as error:
            failures.append(TargetFailure.unforeseen(target, target.function, error))
        else:
            wanted.update(_group(target, module, resolved))
            slots.update(each.slot.key for each in resolved)
    return wanted


def _group(target: Target, module: Any, resolved: list[ResolvedName]) -> dict[str, WantedGuard]:
    """By function: one that has several names is guarded under the first."""
    by_value: dict[int, WantedGuard] = {}
    for each in resolved:
        first = by_value.setdefault(
            id(each.value), WantedGuard(each.function, target, target.template(each.function), each.value, module, [])
        )
        first.slots.append(each.slot)
    return {wanted.function: wanted for wanted in by_value.values()}


def _make(wanted: WantedGuard) -> GuardedFunction | TargetFailure:
    target, function = wanted.target, wanted.function
    try:
        refused = why_not(function, wanted.value)
        if refused is not None:
            return TargetFailure(target, function, f"{function} {refused[0]}", refused[1])
        breaker = guarded_by(wanted.value)
        if breaker is not None:
            remedy = f"configure `breakers: {breaker}:` instead, or take the decorator away"
            return TargetFailure(target, function, f"{function} is guarded by {breaker!r} already", remedy)
        return GuardedFunction(wanted, make_guard(wanted.value, wanted.template, function.replace(":", ".")))
    except InvalidSettings as error:
        return TargetFailure(target, function, f"{error.path}: {error.problem}", error.remedy)
    except TypeError as error:
        return TargetFailure(target, function, str(error), "name another function")
    except Exception as error:
        return TargetFailure.unforeseen(target, function, error)
