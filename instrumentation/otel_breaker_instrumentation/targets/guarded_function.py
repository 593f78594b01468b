"""One guarded function: its guard, and every slot that holds the guard."""

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
    from otel_breaker_instrumentation.targets.wanted_guard import WantedGuard


class GuardedFunction:
    """A function that is guarded.

    Args:
        wanted: the guard that a target asks for.
        guard: what is put into its slots.
    """

    def __init__(self, wanted: WantedGuard, guard: Any) -> None:
        self.wanted = wanted
        self.guard = guard
        self.patches: list[Patch] = []
        self.aliases: dict[str, Patch] = {}
        """Those of the patches that no target names, by their names."""
        self.unguarded: dict[str, tuple[AttributeSlot, Any]] = {}
        """Aliases that are not guarded, and what each held when it was found."""

    def install(self) -> None:
        """Put the guard into its slots.

        Raises:
            TypeError: when an owner cannot be changed; nothing is changed then.
        """
        try:
            for slot in self.wanted.slots:
                self.patches.append(Patch.install(slot, self.guard))
        except BaseException:
            self.remove()
            raise

    def install_alias(self, name: str, slot: AttributeSlot, value: Any) -> Patch:
        """Put the guard into a slot that holds the function under another name, or a method of it."""
        guard = self.guard if value is self.wanted.value else inside(self.guard)
        if type(value) is MethodType:
            guard = MethodType(guard, value.__self__)
        patch = self.aliases[name] = Patch.install(slot, guard)
        self.patches.append(patch)
        return patch

    def remove(self) -> None:
        """Restore every slot; where another tool has wrapped the guard since, switch the guard off."""
        function = self.wanted.function
        while self.patches:
            patch = self.patches.pop()
            try:
                if patch.restore():
                    continue
            except Exception:
                diagnostics.exception("%s stays where it is, switched off", function)
            else:
                value = patch.slot.holds()
                if leads_to(value, patch.guard):
                    diagnostics.warning("%s stays under what has wrapped it since, switched off", function)
                elif value is not MISSING:
                    diagnostics.warning("%s is left as it is: something else was put there since", function)
            switch_off(self.guard)
        if type(inside(self.guard)) is FunctionType:
            remove_signature(inside(self.guard))

    def remove_patch(self, patch: Patch) -> None:
        """Restore one slot, which another target names."""
        self.patches.remove(patch)
        self.aliases = {name: other for name, other in self.aliases.items() if other is not patch}
        patch.restore()

    def value_before(self, patch: Patch) -> Any:
        """What the attribute gave before it was patched; an inherited one gave the function."""
        return self.wanted.value if patch.original is MISSING else patch.original

    def satisfies(self, wanted: WantedGuard) -> bool:
        """Whether it is the guard that a target asks for now, so that nothing needs to be done."""
        own = self.wanted
        return (
            wanted.target.breaker == own.target.breaker
            and (wanted.value is own.value or self.is_in_place)
            and [slot.key for slot in wanted.slots] == [slot.key for slot in own.slots]
        )

    @property
    def is_in_place(self) -> bool:
        """Whether a call by the function's own name still reaches the guard, as far as wrappers show."""
        wanted = self.wanted
        if sys.modules.get(wanted.target.pattern.module, wanted.module) is not wanted.module:
            return False
        return any(leads_to(patch.slot.holds(), patch.guard) for patch in self.patches[:1])

    @property
    def alias_ids(self) -> list[int]:
        """Which objects, by `id`, are the function under another name.

        None when the named module has the function from elsewhere, or the class from its base: then the target means
        that name alone.
        """
        wanted = self.wanted
        if not self.patches or self.patches[0].original is MISSING:
            return []
        if not defines(wanted.target.pattern.module, wanted.value):
            return []
        return [id(wanted.value), id(inside(wanted.value))]

    def may_guard_alias(self, name: str) -> bool:
        """Whether the target does not exclude another name of the function."""
        module, _, qualified_name = name.partition(":")
        target = self.wanted.target
        return module != target.pattern.module or not target.excludes(qualified_name)

    def still_unguarded(self) -> list[str]:
        """Aliases by which the function is called unguarded."""
        return [name for name, (slot, value) in self.unguarded.items() if slot.holds() is value]
