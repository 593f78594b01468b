"""Every installed guard, by module and by slot. Guards are installed and removed through this list alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_breaker_instrumentation.targets.failure import TargetFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
    from otel_breaker_instrumentation.targets.patch import AttributeSlot, Patch

_NOTHING: Final[Mapping[str, GuardedFunction]] = {}


class InstalledGuards:
    """The guards in place. A thread that changes it holds the lock of the target manager."""

    def __init__(self) -> None:
        self._modules: dict[str, Mapping[str, GuardedFunction]] = {}
        self._by_slot: dict[tuple[int, str], tuple[GuardedFunction, Patch]] = {}
        self._originals: dict[int, tuple[Any, Any]] = {}
        """A guard and what its slot held before, by the `id` of the guard; held, so that no other object has the id."""

    def in_module(self, module: str) -> Mapping[str, GuardedFunction]:
        """What is guarded in a module, by name; another mapping after each change."""
        return self._modules.get(module, _NOTHING)

    def all(self) -> list[GuardedFunction]:
        return [guarded for module in list(self._modules.values()) for guarded in module.values()]

    def original_of(self, value: Any) -> Any:
        """What a slot held before a guard of ours; any other value itself."""
        _, original = self._originals.get(id(value), (None, value))
        return original

    def replace(
        self, module: str, kept: Mapping[str, GuardedFunction], new: Iterable[GuardedFunction]
    ) -> list[TargetFailure]:
        """Remove a module's guards that are not kept, and install new ones; returns why some could not be."""
        for function, guarded in self.in_module(module).items():
            if function not in kept:
                self._remove(guarded)
        now, failures = dict(kept), []
        for guarded in new:
            failure = self._install(guarded)
            if failure is None:
                now[guarded.wanted.function] = guarded
            else:
                failures.append(failure)
        if now:
            self._modules[module] = now
        else:
            self._modules.pop(module, None)
        return failures

    def add_alias(self, guarded: GuardedFunction, name: str, slot: AttributeSlot, value: Any) -> None:
        """Guard a function under another name, too; or note the name as unguarded."""
        if not guarded.patches or slot.key in self._by_slot or not guarded.may_guard_alias(name):
            return
        if isinstance(slot.owner, type):
            guarded.unguarded[name] = slot, value
            return
        try:
            self._register(guarded, guarded.install_alias(name, slot, value))
        except Exception:
            guarded.unguarded[name] = slot, value

    def _install(self, guarded: GuardedFunction) -> TargetFailure | None:
        wanted = guarded.wanted

        def failed(reason: str, remedy: str) -> TargetFailure:
            return TargetFailure(wanted.target, wanted.function, reason, remedy)

        for slot in wanted.slots:
            other, patch = self._by_slot.get(slot.key, (None, None))
            if other is None or patch is None:
                continue
            if patch not in other.aliases.values():
                return failed(f"{wanted.function} is guarded as {other.wanted.function} already", "name it once")
            del self._by_slot[slot.key]
            other.remove_patch(patch)
        try:
            guarded.install()
        except TypeError as error:
            return failed(str(error), "name another function")
        except Exception as error:
            return TargetFailure.unforeseen(wanted.target, wanted.function, error)
        for patch in guarded.patches:
            self._register(guarded, patch)
        return None

    def _register(self, guarded: GuardedFunction, patch: Patch) -> None:
        self._by_slot[patch.slot.key] = guarded, patch
        self._originals[id(patch.guard)] = patch.guard, guarded.value_before(patch)

    def _remove(self, guarded: GuardedFunction) -> None:
        for patch in guarded.patches:
            del self._by_slot[patch.slot.key]
            self._originals.pop(id(patch.guard), None)
        guarded.remove()
