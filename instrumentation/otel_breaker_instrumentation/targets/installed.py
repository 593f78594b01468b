"""Every guard that stands somewhere, by module and by place: the one list that restoring goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_breaker_instrumentation.targets.plan import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
    from otel_breaker_instrumentation.targets.patch import AttributeSlot, Patch

_NOTHING: Final[Mapping[str, GuardedFunction]] = {}


class InstalledGuards:
    """The guards in place. Whoever changes it holds the lock of the patches."""

    def __init__(self) -> None:
        self._modules: dict[str, Mapping[str, GuardedFunction]] = {}
        self._by_slot: dict[tuple[int, str], tuple[GuardedFunction, Patch]] = {}
        self._originals: dict[int, tuple[Any, Any]] = {}
        """What stood in a place before its guard, by the `id` of the guard, which is held so that it stays its own."""

    def in_module(self, module: str) -> Mapping[str, GuardedFunction]:
        """What is guarded in a module, by name; another mapping after each change."""
        return self._modules.get(module, _NOTHING)

    def all(self) -> list[GuardedFunction]:
        return [guarded for module in list(self._modules.values()) for guarded in module.values()]

    def original_of(self, value: Any) -> Any:
        """What stood there before a guard of ours; anything else itself."""
        _, behind = self._originals.get(id(value), (None, value))
        return behind

    def replace(
        self, module: str, kept: Mapping[str, GuardedFunction], new: Iterable[GuardedFunction]
    ) -> list[Failure]:
        """Take away what is not kept in a module, and put new guards in place; returns what could not be put."""
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

    def add_alias(self, guarded: GuardedFunction, name: str, place: AttributeSlot, value: Any) -> None:
        """Guard a function under another name, too; or note that it cannot be."""
        if not guarded.patches or place.key in self._by_slot or not guarded.may_guard_alias(name):
            return
        if isinstance(place.owner, type):
            guarded.unguarded[name] = place, value
            return
        try:
            self._register(guarded, guarded.install_alias(name, place, value))
        except Exception:
            guarded.unguarded[name] = place, value

    def _install(self, guarded: GuardedFunction) -> Failure | None:
        wanted = guarded.wanted

        def failed(reason: str, remedy: str) -> Failure:
            return Failure(wanted.target, wanted.function, reason, remedy)

        for place in wanted.slots:
            other, point = self._by_slot.get(place.key, (None, None))
            if other is None or point is None:
                continue
            if point not in other.aliases.values():
                return failed(f"{wanted.function} is guarded as {other.wanted.function} already", "name it once")
            del self._by_slot[place.key]
            other.remove_patch(point)
        try:
            guarded.install()
        except TypeError as error:
            return failed(str(error), "name another function")
        except Exception as error:
            return Failure.unforeseen(wanted.target, wanted.function, error)
        for point in guarded.patches:
            self._register(guarded, point)
        return None

    def _register(self, guarded: GuardedFunction, point: Patch) -> None:
        self._by_slot[point.slot.key] = guarded, point
        self._originals[id(point.guard)] = point.guard, guarded.value_before(point)

    def _remove(self, guarded: GuardedFunction) -> None:
        for point in guarded.patches:
            del self._by_slot[point.slot.key]
            self._originals.pop(id(point.guard), None)
        guarded.remove()
