"""Who holds a function itself, and so calls it past the guard that stands under its name.

A decorator of a framework is given the function before its module is imported, and so before it is guarded: a route,
a task, a handler or a validator holds it ever after. The garbage collector knows who holds what; it is asked only when
somebody asks for a report, since it goes through all objects of the process.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections import OrderedDict, defaultdict, deque
from contextlib import suppress
from functools import partial, partialmethod
from types import (
    AsyncGeneratorType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MethodType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import diagnostics
from otel_breaker.guard import inner_wrapper
from otel_breaker.text import type_name
from otel_breaker_instrumentation.targets.guards import inside, layers
from otel_breaker_instrumentation.targets.holder_names import (
    Holder,
    describe,
    is_known,
    is_passed_through,
    named,
    task_holder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OURS: Final = ("otel_breaker", "otel_breaker_instrumentation")
_DEEPEST: Final = 9
"""Objects between a function and what can be named that holds it."""
_MOST_HELD: Final = 10_000
"""Objects that are followed at once."""
_MOST_OBJECTS: Final = 2_000_000
"""In a process: to go through more would stop it for seconds."""
_FEW: Final = 20
"""Objects for which the collector's own search is quicker than one of ours."""
_MOST_TOLD: Final = 5
_CONTAINERS: Final = (
    *(dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict, MappingProxyType),
    *(CellType, MethodType, partial, partialmethod, staticmethod, classmethod, weakref.ref, weakref.WeakMethod),
    *(weakref.KeyedRef, weakref.WeakSet, weakref.WeakValueDictionary),
)
"""What holds something for somebody else."""
_PASSING: Final = (FrameType, TracebackType, GeneratorType, CoroutineType, AsyncGeneratorType, CodeType)
"""What holds something for as long as code runs."""

_namespace_of: Final = type.__dict__["__dict__"].__get__  # past what a metaclass makes of it


class _Held:
    """An object on the way from functions to who holds them."""

    __slots__ = ("inner", "object", "whose")

    def __init__(self, held: Any) -> None:
        self.object = held
        self.inner: list[_Held] = []
        """What it holds itself of the way."""
        self.whose: set[tuple[int, int]] = set()
        """Which functions, and which holder was met on the way, by `id`; 0 for none."""


def find_holders(functions: Sequence[Any]) -> list[tuple[Holder, ...]]:
    """Find who holds functions otherwise than under a name in a module or a class.

    Args:
        functions: as they were before they were guarded.

    Returns:
        Of each, the holders, the ones of a known framework alone where there are any; at most five.
    """
    search = _Search(functions)
    search.run()
    return [search.found(index) for index in range(len(functions))]


def holders_of(targets: Sequence[tuple[str, Any, bool]]) -> list[tuple[Holder, ...]]:
    """As `find_holders`, and of tasks whoever calls their functions; a fault finds nobody, and is logged.

    Args:
        targets: the name of each, the function, and whether to go through all objects for it.
    """
    try:
        tasks = [task_holder(function, name) for name, function, _ in targets]
        wanted = [index for index, (_, _, is_searched) in enumerate(targets) if is_searched and tasks[index] is None]
        found = find_holders([targets[index][1] for index in wanted]) if wanted else []
    except Exception:
        diagnostics.exception("who else calls the targets is not known")
        return [()] * len(targets)
    others = dict(zip(wanted, found, strict=True))
    return [others.get(index, ()) if task is None else (task,) for index, task in enumerate(tasks)]


class _Search:
    def __init__(self, functions: Sequence[Any]) -> None:
        self._functions = functions
        self._layers: list[frozenset[int]] = []
        self._holders: dict[int, Any] = {}
        self._places: list[dict[int, str]] = [{} for _ in functions]
        """Under which name of a module or a class a holder of each function is found; empty where under none."""
        self._names: list[set[str]] = [set() for _ in functions]
        """Names of containers that hold each function, which nobody else does."""
        self._seen: set[tuple[int, int, int]] = set()
        self._frontier: dict[int, _Held] = {}
        for index, function in enumerate(functions):
            # All that a decorator may have been given: what is under others, too.
            own = list(layers(function))
            self._layers.append(frozenset(map(id, own)))
            for layer in own:
                self._hold(self._frontier, layer, {(index, 0)})
                for reference in _weak_references(layer):
                    self._hold(self._frontier, reference, {(index, 0)})

    def run(self) -> None:
        if len(gc.get_objects()) > _MOST_OBJECTS:
            return
        for _ in range(_DEEPEST):
            if not self._frontier or len(self._frontier) > _MOST_HELD:
                return
            after: dict[int, _Held] = {}
            for holder, held in _referrers(self._frontier):
                if holder is not after and holder is not self._frontier:
                    with suppress(Exception):  # an object may answer for itself, and not like to be asked
                        self._climb(holder, held, after)
            self._frontier = after

    def found(self, index: int) -> tuple[Holder, ...]:
        """Who holds a function."""
        told = {named(name) for name in self._names[index]}
        for holder, place in self._places[index].items():
            told.add(describe(self._holders[holder], self._functions[index], place))
        known = [holder for holder in told if holder.is_known]
        return tuple(sorted(known or told)[:_MOST_TOLD])

    def _climb(self, holder: Any, held: Sequence[_Held], after: dict[int, _Held]) -> None:
        kind = type(holder)
        if issubclass(kind, _PASSING) or _is_ours(holder):
            return
        name = _name_of_module(holder) if kind is dict else None
        if name is not None:
            self._place(held, holder, f"{name}:")
            return
        if issubclass(kind, type):
            self._place(held, _namespace_of(holder), f"{type_name(holder)}.")
            return
        whose = {
            each
            for one in held
            for each in one.whose
            if id(holder) not in self._layers[each[0]] and (id(holder), *each) not in self._seen
        }
        self._seen.update((id(holder), *each) for each in whose)
        if kind in _CONTAINERS or is_passed_through(holder) or _is_local(holder):
            self._hold(after, holder, whose, held)
            return
        for index, owner in whose:
            if not owner:
                self._holders[id(holder)] = holder
                self._places[index].setdefault(id(holder), "")
                if not is_known(holder):  # it is looked for where it is to be had; no further than through containers
                    self._hold(after, holder, {(index, id(holder))})

    def _place(self, held: Sequence[_Held], namespace: Mapping[str, Any], prefix: str) -> None:
        """Note a name under which something is had that holds functions; their own names are looked for elsewhere."""
        names = {id(value): name for name, value in list(namespace.items())}
        for one in held:
            for part in (one, *one.inner):  # a class holds its namespace, and that what stands there
                name = names.get(id(part.object))
                for index, owner in () if name is None else part.whose & one.whose:
                    if owner:
                        self._places[index][owner] = f"{prefix}{name}"
                    elif id(_function_of(part.object)) not in self._layers[index]:
                        self._names[index].add(f"{prefix}{name}")

    @staticmethod
    def _hold(frontier: dict[int, _Held], held: Any, whose: set[tuple[int, int]], inner: Sequence[_Held] = ()) -> None:
        if whose:
            known = frontier.setdefault(id(held), _Held(held))
            known.whose |= whose
            known.inner += inner


def _referrers(frontier: Mapping[int, _Held]) -> Iterator[tuple[Any, list[_Held]]]:
    ids = frozenset(frontier)
    few = len(ids) <= _FEW
    for each in gc.get_referrers(*(held.object for held in frontier.values())) if few else gc.get_objects():
        referents = gc.get_referents(each)
        if not ids.isdisjoint(map(id, referents)):
            yield each, [frontier[id(one)] for one in referents if id(one) in ids]


def _weak_references(function: Any) -> list[Any]:
    try:
        return weakref.getweakrefs(function)
    except TypeError:
        return []


def _function_of(held: Any) -> Any:
    """The function of a method, as aliases.py looks for it."""
    return held.__func__ if type(held) is MethodType else inside(held)


def _is_ours(holder: Any) -> bool:
    # A guard looks like the function that it guards, down to the namespace that it names.
    guard = inner_wrapper(holder)
    name = guard.__globals__.get("__name__") if type(guard) is FunctionType else type_name(type(guard))
    return str(name).partition(".")[0] in _OURS


def _is_local(holder: Any) -> bool:
    """Whether it is a function within a function, which is somebody's, and says little by its name."""
    return type(holder) is FunctionType and "<locals>" in holder.__qualname__


def _name_of_module(namespace: dict[Any, Any]) -> str | None:
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return name if getattr(module, "__dict__", None) is namespace else None
