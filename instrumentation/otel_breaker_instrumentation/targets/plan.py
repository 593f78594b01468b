"""What is to be guarded in one module, as its targets want it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_breaker import InvalidSettings, diagnostics
from otel_breaker.registry import REGISTRY
from otel_breaker.text import type_name
from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
from otel_breaker_instrumentation.targets.guards import guarded_by, make_guard, why_not
from otel_breaker_instrumentation.targets.lookup import NotThereError, ResolvedName, look_up
from otel_breaker_instrumentation.targets.report import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from otel_breaker.key_template import Template
    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.patch import AttributeSlot


@dataclass(eq=False)
class Wanted:
    """A function to guard."""

    function: str
    target: Target
    template: Template
    value: Any
    module: Any
    slots: list[AttributeSlot]
    """Where a target names it; more than one when a pattern stands for several names of one function."""

    def is_met_by(self, guarded: GuardedFunction) -> bool:
        """Whether nothing needs to be done."""
        other = guarded.wanted
        return (
            self.target.breaker == other.target.breaker
            and (self.value is other.value or guarded.is_in_place)
            and [place.key for place in self.slots] == [place.key for place in other.slots]
        )


@dataclass(frozen=True)
class Failure:
    """Why a function is not guarded, or all that a target names."""

    target: Target
    function: str
    reason: str
    remedy: str
    status: Status = Status.REFUSED
    is_logged: bool = False

    @classmethod
    def unforeseen(cls, target: Target, function: str, error: Exception) -> Failure:
        """For whatever the application's code raises; tells it at once, with where that was, which is not kept."""
        diagnostics.exception("%s is not guarded: %s", function, target.path)
        reason = f"guarding it raised {type_name(type(error))}"
        return cls(target, function, reason, "name another function", is_logged=True)

    def log(self) -> None:
        if not self.is_logged:
            diagnostics.error(
                "%s is not guarded: %s: %s: %s", self.function, self.target.path, self.reason, self.remedy
            )


@dataclass
class Plan:
    """What there is to do in a module; guards are made, but none is in place yet."""

    kept: dict[str, GuardedFunction] = field(default_factory=dict)
    new: list[GuardedFunction] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def make_plan(
    module: Any,
    targets: Collection[Target],
    present: Mapping[str, GuardedFunction],
    exact: Collection[str],
    reveal: Callable[[Any], Any],
) -> Plan:
    """Find out what to do. Runs code of the application, such as what a module answers for a name.

    Args:
        module: where to look.
        targets: what is to be guarded there.
        present: what is guarded there now, by name.
        exact: functions that targets name in full.
        reveal: what stood there before a guard of ours; anything else itself.
    """
    plan, wanted, places = Plan(), dict[str, Wanted](), set[tuple[int, str]]()

    def taken(found: ResolvedName) -> bool:
        return found.function in exact or found.function in wanted or found.slot.key in places

    for target in sorted(targets, key=lambda target: target.pattern.is_wild):  # what is named in full comes first
        try:
            found = look_up(target, module, reveal, taken)
        except NotThereError as error:
            plan.failures.append(Failure(target, target.function, error.reason, error.remedy, Status.MISSING))
        except Exception as error:
            plan.failures.append(Failure.unforeseen(target, target.function, error))
        else:
            wanted.update(_group(target, module, found))
            places.update(each.slot.key for each in found)
    for function, each in wanted.items():
        guarded = present.get(function)
        if each.target.function_settings is not None:
            REGISTRY.configure_unless_named(each.template.name, each.target.function_settings)
        if guarded is not None and each.is_met_by(guarded):
            each.value = guarded.wanted.value  # what stands there may be a wrapper of the guard by now
            guarded.wanted = each
            plan.kept[function] = guarded
            continue
        made = _make(each)
        if isinstance(made, Failure):
            plan.failures.append(made)
        else:
            plan.new.append(made)
    return plan


def _group(target: Target, module: Any, found: list[ResolvedName]) -> dict[str, Wanted]:
    """By function: one that stands under several names is guarded under the first."""
    by_value: dict[int, Wanted] = {}
    for each in found:
        first = by_value.setdefault(
            id(each.value), Wanted(each.function, target, target.template(each.function), each.value, module, [])
        )
        first.slots.append(each.slot)
    return {wanted.function: wanted for wanted in by_value.values()}


def _make(wanted: Wanted) -> GuardedFunction | Failure:
    target, function = wanted.target, wanted.function
    try:
        refused = why_not(function, wanted.value)
        if refused is not None:
            return Failure(target, function, f"{function} {refused[0]}", refused[1])
        breaker = guarded_by(wanted.value)
        if breaker is not None:
            remedy = f"configure `breakers: {breaker}:` instead, or take the decorator away"
            return Failure(target, function, f"{function} is guarded by {breaker!r} already", remedy)
        return GuardedFunction(wanted, make_guard(wanted.value, wanted.template, function.replace(":", ".")))
    except InvalidSettings as error:
        return Failure(target, function, f"{error.path}: {error.problem}", error.remedy)
    except TypeError as error:
        return Failure(target, function, str(error), "name another function")
    except Exception as error:
        return Failure.unforeseen(target, function, error)
