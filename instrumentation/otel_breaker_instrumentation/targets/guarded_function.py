"""One guarded function: its guard, and every place where that stands."""

from __future__ import annotations

import sys
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from otel_breaker import diagnostics
from otel_breaker.guard import remove_signature
from otel_breaker_instrumentation.targets.guards import inside, leads_to, switch_off
from otel_breaker_instrumentation.targets.lookup import defines
from otel_breaker_instrumentation.targets.patch import MISSING, AttributeSlot, Patch

if TYPE_CHECKING:
    from otel_breaker_instrumentation.targets.plan import Wanted


class GuardedFunction:
    """A function that is guarded.

    Args:
        wanted: says which, and by what.
        guard: what is put in its places.
    """

    def __init__(self, wanted: Wanted, guard: Any) -> None:
        self.wanted = wanted
        self.guard = guard
        self.points: list[Patch] = []
        self.aliases: dict[str, Patch] = {}
        """Those of the points that no target names, by their names."""
        self.unguarded: dict[str, tuple[AttributeSlot, Any]] = {}
        """Where it stood under another name when that was looked for, as what, and was left."""

    def put(self) -> None:
        """Put the guard in place.

        Raises:
            TypeError: when an owner cannot be changed; nothing is changed then.
        """
        try:
            for place in self.wanted.places:
                self.points.append(Patch.put(place, self.guard))
        except BaseException:
            self.take_away()
            raise

    def put_alias(self, name: str, place: AttributeSlot, value: Any) -> Patch:
        """Put the guard where the function stands under another name, or a method of it."""
        guard = self.guard if value is self.wanted.value else inside(self.guard)
        if type(value) is MethodType:
            guard = MethodType(guard, value.__self__)
        point = self.aliases[name] = Patch.put(place, guard)
        self.points.append(point)
        return point

    def take_away(self) -> None:
        """Leave every place as it was; where something has wrapped the guard since, the guard is switched off."""
        function = self.wanted.function
        while self.points:
            point = self.points.pop()
            try:
                if point.restore():
                    continue
            except Exception:
                diagnostics.exception("%s stays where it is, switched off", function)
            else:
                holds = point.place.holds()
                if leads_to(holds, point.guard):
                    diagnostics.warning("%s stays under what has wrapped it since, switched off", function)
                elif holds is not MISSING:
                    diagnostics.warning("%s is left as it is: something else was put there since", function)
            switch_off(self.guard)
        if type(inside(self.guard)) is FunctionType:
            remove_signature(inside(self.guard))

    def forget(self, point: Patch) -> None:
        """Leave one place to another target."""
        self.points.remove(point)
        self.aliases = {name: other for name, other in self.aliases.items() if other is not point}
        point.restore()

    def before(self, point: Patch) -> Any:
        """What was to be had in a place before the guard stood there."""
        return self.wanted.value if point.original is MISSING else point.original

    @property
    def stands(self) -> bool:
        """Whether the guard is still reached by the function's own name, as far as what stands there says so."""
        wanted = self.wanted
        if sys.modules.get(wanted.target.pattern.module, wanted.module) is not wanted.module:
            return False
        return any(leads_to(point.place.holds(), point.guard) for point in self.points[:1])

    @property
    def alias_ids(self) -> list[int]:
        """What to look for to find it under other names.

        Nothing when the named module has it from elsewhere, or the class from its base: then only that name is meant.
        """
        wanted = self.wanted
        if not self.points or self.points[0].original is MISSING:
            return []
        return (
            [id(wanted.value), id(inside(wanted.value))] if defines(wanted.target.pattern.module, wanted.value) else []
        )

    def may_stand_at(self, name: str) -> bool:
        """Whether the target does not exclude another name of it."""
        module, _, qualified_name = name.partition(":")
        target = self.wanted.target
        return module != target.pattern.module or not target.excludes(qualified_name)

    def still_unguarded(self) -> list[str]:
        """Names under which it is called unguarded."""
        return [name for name, (place, value) in self.unguarded.items() if place.holds() is value]
