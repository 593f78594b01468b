"""Finds further names of guarded functions: those of `from module import name` that ran before the guard was set.

Such a name is another reference to the same function, and a guard in one slot has no effect on the other. So the
namespaces of all modules are searched, and for a report the classes that they define:

- A global that is the function itself, or a method bound to an object, is guarded as well: Python looks it up at each
  call, so replacing it has the effect that a later import would have had.
- An attribute of a class is reported and not changed: the class may define it to reach the unguarded function, and may
  run any code when it is set. Its own name can be a target. Classes hold most of the values, so only a report searches
  them, and an application's start does not pay for it.
- Other references cannot be found at a bounded cost: closures, default arguments, containers such as a registry of
  handlers, attributes of objects, partial applications. Calls by them are unguarded.

A search happens when guards are set, never during a call. Only modules that were imported later, or whose import is not
finished, can hold functions of a module that has just been imported, so only those are searched then.
"""

from __future__ import annotations

import sys
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_instrumentation.targets.guards import inside
from otel_breaker_instrumentation.targets.imports import namespace
from otel_breaker_instrumentation.targets.own_dependencies import OWN_PACKAGES
from otel_breaker_instrumentation.targets.patch import AttributeSlot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import TypeAlias

    Modules: TypeAlias = Iterable[tuple[str, ModuleType]]
    Alias: TypeAlias = tuple[str, AttributeSlot, Any]
    """The name of a slot, the slot, and its value: a function, or a method of it."""
    Find: TypeAlias = Callable[[frozenset[int], Modules], Iterator[Alias]]
    """Yields the slots in modules that hold some functions, which are given by `id`."""

_METHOD: Final = frozenset({id(MethodType)})


def find_aliases(wanted: frozenset[int], modules: Modules) -> Iterator[Alias]:
    """Find the globals of modules that hold some functions.

    Args:
        wanted: the functions, by `id`.
        modules: what to search.

    Returns:
        The name of each slot, the slot, and its value: the function, or a method of it.
    """
    return _find(_in_module, wanted, modules)


def find_attributes(wanted: frozenset[int], modules: Modules) -> Iterator[Alias]:
    """Find the attributes of classes that hold some functions, in the classes that modules define."""
    return _find(_in_classes, wanted, modules)


def all_modules() -> list[tuple[str, ModuleType]]:
    """Every module that may hold functions of others."""
    return [(name, module) for name, module in list(sys.modules.items()) if _may_hold(name, module)]


def neighbours(module: ModuleType) -> list[tuple[str, ModuleType]]:
    """The modules that can have imported a name from a module during its import, itself included."""
    found: list[tuple[str, Any]] = []
    for name in reversed(list(sys.modules)):
        found.append((name, sys.modules.get(name)))
        if found[-1][1] is module:
            break
    else:
        return all_modules()
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  # only the stack shows which modules are being imported
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            name = frame.f_globals.get("__name__", "")
            found.append((name, sys.modules.get(name)))
        frame = frame.f_back
    return [(name, other) for name, other in found if _may_hold(name, other)]


def _may_hold(name: str, module: object) -> bool:
    return issubclass(type(module), ModuleType) and name.partition(".")[0] not in OWN_PACKAGES


def _find(
    look: Callable[[frozenset[int], str, ModuleType], Iterator[Alias]],
    wanted: frozenset[int],
    modules: Modules,
) -> Iterator[Alias]:
    for name, module in modules:
        try:
            found = list(look(wanted, name, module))
        except Exception:  # noqa: S112  # a class may run code, and raise, when it is inspected
            continue
        yield from found


def _in_module(wanted: frozenset[int], name: str, module: ModuleType) -> Iterator[Alias]:
    held = namespace(module)
    values = list(held.values())
    # By `id`, in C: nearly all modules hold neither, and comparing values may run their own code.
    if wanted.isdisjoint(map(id, values)) and _METHOD.isdisjoint(map(id, map(type, values))):
        return
    for attribute, value in list(held.items()):
        if id(value) in wanted or (type(value) is MethodType and id(value.__func__) in wanted):
            yield f"{name}:{attribute}", AttributeSlot(module, attribute), value


def _in_classes(wanted: frozenset[int], name: str, module: ModuleType) -> Iterator[Alias]:
    seen: set[int] = set()
    for attribute, value in list(namespace(module).items()):
        if issubclass(type(value), type) and id(value) not in wanted:
            yield from _in_class(wanted, value, name, attribute, seen)


def _in_class(wanted: frozenset[int], owner: type, module: str, path: str, seen: set[int]) -> Iterator[Alias]:
    if id(owner) in seen or getattr(owner, "__module__", None) != module:
        return
    seen.add(id(owner))
    for name, value in list(vars(owner).items()):
        if id(value) in wanted or id(inside(value)) in wanted:
            yield f"{module}:{path}.{name}", AttributeSlot(owner, name), value
        elif issubclass(type(value), type):
            yield from _in_class(wanted, value, module, f"{path}.{name}", seen)
