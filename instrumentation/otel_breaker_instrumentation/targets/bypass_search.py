"""The search for objects that hold functions themselves, upwards from the functions to what can be named.

It is breadth first: from the functions to the containers that hold them, to the objects that hold those, and from an
object on to the name under which it is found. It is bounded in depth, and in the objects of one step.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.text import type_name
from otel_breaker_instrumentation.targets.bypass_names import Bypass, describe, describe_container, is_known
from otel_breaker_instrumentation.targets.guards import inside, layers
from otel_breaker_instrumentation.targets.referrers import (
    find_referrers,
    is_container,
    is_ignored,
    name_of_module,
    weak_references,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEEPEST: Final = 9
"""Steps from a function to the name of an object that holds it."""
_MOST_HELD: Final = 10_000
"""Objects that one step follows."""
_MOST_OBJECTS: Final = 2_000_000
"""In a process: a walk over more would stop it for seconds."""
_MOST_LISTED: Final = 5

_namespace_of: Final = type.__dict__["__dict__"].__get__  # a metaclass may define `__dict__`


class _Held:
    """An object on the way from functions to the objects that hold them."""

    __slots__ = ("inner", "object", "origins")

    def __init__(self, held: Any) -> None:
        self.object = held
        self.inner: list[_Held] = []
        """The objects on the way that it holds."""
        self.origins: set[tuple[int, int]] = set()
        """From which functions, by index, it was reached, and through which named holder, by `id`; 0 for none."""


class BypassSearch:
    """One search for several functions at once, since each step may go through all objects of the process.

    Args:
        functions: as they were before they were guarded.
    """

    def __init__(self, functions: Sequence[Any]) -> None:
        self._functions = functions
        self._layers: list[frozenset[int]] = []
        self._holders: dict[int, Any] = {}
        self._paths: list[dict[int, str]] = [{} for _ in functions]
        """For each function, its holders by `id`, and where each is found: `module:name`; empty when not known."""
        self._containers: list[set[str]] = [set() for _ in functions]
        """For each function, the names of containers that hold it, where no other object does."""
        self._seen: set[tuple[int, int, int]] = set()
        self._frontier: dict[int, _Held] = {}
        for index, function in enumerate(functions):
            # A decorator may have been given any layer of it: what is wrapped, too.
            own = list(layers(function))
            self._layers.append(frozenset(map(id, own)))
            for layer in own:
                self._reach(self._frontier, layer, {(index, 0)})
                for reference in weak_references(layer):
                    self._reach(self._frontier, reference, {(index, 0)})

    def run(self) -> None:
        """Search; finds nothing in a process that has too many objects."""
        if len(gc.get_objects()) > _MOST_OBJECTS:
            return
        for _ in range(_DEEPEST):
            if not self._frontier or len(self._frontier) > _MOST_HELD:
                return
            after: dict[int, _Held] = {}
            objects = {held_id: held.object for held_id, held in self._frontier.items()}
            for holder, held_ids in find_referrers(objects):
                if holder is not after and holder is not self._frontier and holder is not objects:
                    with suppress(Exception):  # a class may define `__getattribute__`, and raise there
                        self._climb(holder, [self._frontier[held_id] for held_id in held_ids], after)
            self._frontier = after

    def found(self, index: int) -> tuple[Bypass, ...]:
        """What bypasses the guard of a function: of known frameworks alone where there are any; at most five."""
        found = {describe_container(path) for path in self._containers[index]}
        for holder, path in self._paths[index].items():
            found.add(describe(self._holders[holder], self._functions[index], path))
        known = [bypass for bypass in found if bypass.is_known]
        return tuple(sorted(known or found)[:_MOST_LISTED])

    def _climb(self, holder: Any, held: Sequence[_Held], after: dict[int, _Held]) -> None:
        """Take one step, from objects to an object that holds them."""
        if is_ignored(holder):
            return
        module = name_of_module(holder) if type(holder) is dict else None
        if module is not None:
            self._find_names(held, holder, f"{module}:")
            return
        if issubclass(type(holder), type):
            self._find_names(held, _namespace_of(holder), f"{type_name(holder)}.")
            return
        origins = self._new_origins(holder, held)
        if is_container(holder):
            self._reach(after, holder, origins, held)
            return
        for index, owner in origins:
            if not owner:
                self._holders[id(holder)] = holder
                self._paths[index].setdefault(id(holder), "")
                if not is_known(holder):  # its path is looked for, and no further than through containers
                    self._reach(after, holder, {(index, id(holder))})

    def _new_origins(self, holder: Any, held: Sequence[_Held]) -> set[tuple[int, int]]:
        """From where the search comes to an object for the first time; never from a function to its own layers."""
        origins = {
            origin
            for one in held
            for origin in one.origins
            if id(holder) not in self._layers[origin[0]] and (id(holder), *origin) not in self._seen
        }
        self._seen.update((id(holder), *origin) for origin in origins)
        return origins

    def _find_names(self, held: Sequence[_Held], namespace: Mapping[str, Any], prefix: str) -> None:
        """Note the names of what holds functions; the functions' own names are those of the guard and its aliases."""
        names = {id(value): name for name, value in list(namespace.items())}
        for one in held:
            for part in (one, *one.inner):  # a class holds its namespace, which holds the attributes
                name = names.get(id(part.object))
                for index, owner in () if name is None else part.origins & one.origins:
                    if owner:
                        self._paths[index][owner] = f"{prefix}{name}"
                    elif id(_function_of(part.object)) not in self._layers[index]:
                        self._containers[index].add(f"{prefix}{name}")

    @staticmethod
    def _reach(
        frontier: dict[int, _Held], held: Any, origins: set[tuple[int, int]], inner: Sequence[_Held] = ()
    ) -> None:
        if origins:
            known = frontier.setdefault(id(held), _Held(held))
            known.origins |= origins
            known.inner += inner


def _function_of(held: Any) -> Any:
    """The function of a method, which is an alias of it."""
    return held.__func__ if type(held) is MethodType else inside(held)
