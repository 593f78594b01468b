"""Objects that hold other objects, as the garbage collector knows them, and which of them only pass something on."""

from __future__ import annotations

import gc
import sys
import weakref
from collections import OrderedDict, defaultdict, deque
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

from otel_breaker.guard import inner_wrapper
from otel_breaker.text import type_name
from otel_breaker_instrumentation.targets.bypass_names import is_passed_through
from otel_breaker_instrumentation.targets.own_dependencies import OWN_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FEW: Final = 20
"""Objects for which `gc.get_referrers` is quicker than a walk of ours over all objects."""
_CONTAINERS: Final = (
    *(dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict, MappingProxyType),
    *(CellType, MethodType, partial, partialmethod, staticmethod, classmethod, weakref.ref, weakref.WeakMethod),
    *(weakref.KeyedRef, weakref.WeakSet, weakref.WeakValueDictionary),
)
"""Types that hold something for another object."""
_RUNNING_CODE: Final = (FrameType, TracebackType, GeneratorType, CoroutineType, AsyncGeneratorType, CodeType)
"""Types that hold something for as long as code runs."""


def find_referrers(objects: Mapping[int, Any]) -> Iterator[tuple[Any, list[int]]]:
    """Find the objects that hold some of these.

    Args:
        objects: by `id`.

    Returns:
        Each holder, and the `id`s of the objects that it holds.
    """
    ids = frozenset(objects)
    for each in gc.get_referrers(*objects.values()) if len(ids) <= _FEW else gc.get_objects():
        referents = gc.get_referents(each)
        if not ids.isdisjoint(map(id, referents)):
            yield each, [id(one) for one in referents if id(one) in ids]


def weak_references(function: Any) -> list[Any]:
    try:
        return weakref.getweakrefs(function)
    except TypeError:
        return []


def is_ignored(holder: Any) -> bool:
    """Whether a holder is code that runs, or an object of ours."""
    if issubclass(type(holder), _RUNNING_CODE):
        return True
    # A guard has the attributes of the function that it guards, `__module__` included.
    guard = inner_wrapper(holder)
    name = guard.__globals__.get("__name__") if type(guard) is FunctionType else type_name(type(guard))
    return str(name).partition(".")[0] in OWN_PACKAGES


def is_container(holder: Any) -> bool:
    """Whether the object that holds a holder has the better name."""
    return type(holder) in _CONTAINERS or is_passed_through(holder) or _is_local(holder)


def _is_local(holder: Any) -> bool:
    """Whether it is a function within a function, whose name identifies it badly."""
    return type(holder) is FunctionType and "<locals>" in holder.__qualname__


def name_of_module(namespace: dict[Any, Any]) -> str | None:
    """The name of the module whose namespace a mapping is; None when it is not that of a module."""
    name = namespace.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return name if getattr(module, "__dict__", None) is namespace else None
