"""What a target names in a module that is there.

A full name is followed as Python follows it, inherited methods and objects included. A pattern stands for functions
and methods that the module itself defines: not for what it imports, nor for classes, properties and other objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import BuiltinFunctionType, ClassMethodDescriptorType, FunctionType, MethodDescriptorType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_breaker.settings.readers import nearest
from otel_breaker_instrumentation.targets.guards import inside
from otel_breaker_instrumentation.targets.patch import AttributeSlot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.patterns import Part


_FUNCTIONS: Final = (
    FunctionType,
    BuiltinFunctionType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    type(lru_cache(lambda: None)),
)


@dataclass(frozen=True, eq=False)
class ResolvedName:
    """Something that a target names."""

    function: str
    """Its name: `module:qualified.name`."""
    slot: AttributeSlot
    value: Any
    """As it stands in its namespace, or in that of a base class: a classmethod is one."""


class NotThereError(Exception):
    """A target names nothing."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


def look_up(
    target: Target, module: Any, reveal: Callable[[Any], Any], taken: Callable[[ResolvedName], bool]
) -> list[ResolvedName]:
    """Find what a target names.

    Args:
        target: names it.
        module: where to look.
        reveal: what stood there before a guard of ours; anything else itself.
        taken: whether another target has a function, so that a pattern leaves it.

    Raises:
        NotThereError: when there is no such thing.
    """
    if not target.pattern.is_wild:
        return [_follow(target, module, reveal)]
    found: dict[tuple[int, str], ResolvedName] = {}
    for name, owner, held in _expand(target.pattern.parts, module, (), target.pattern.module):
        value, place = reveal(held), AttributeSlot(owner, name.rpartition(".")[2])
        each = ResolvedName(f"{target.pattern.module}:{name}", place, value)
        # A guard of what another module defines may have come here by an import.
        if defines(target.pattern.module, value) and not taken(each) and not target.excludes(name):
            found.setdefault(place.key, each)  # a class may have two names
    if not found:
        raise NotThereError(
            "it stands for no function that the module defines and that no other target names",
            "name the module that defines them; private names only match a part that begins with `_`",
        )
    return list(found.values())


def defines(module: str, value: Any) -> bool:
    """Whether a function is one of a module's own."""
    function = inside(value)
    # A method of C only knows its class.
    return getattr(getattr(function, "__objclass__", function), "__module__", None) == module


def _follow(target: Target, module: Any, reveal: Callable[[Any], Any]) -> ResolvedName:
    qualified_name = target.pattern.qualified_name
    try:
        owner, attribute, value = wrapt.resolve_path(module, qualified_name)
    except AttributeError:
        if target.pattern.module == "__main__":
            raise NotThereError(
                f"there is no {target} yet", "move it into a module of its own, and name that"
            ) from None
        owner = module
        for part in qualified_name.split("."):
            if not hasattr(owner, part):
                known = [name for name in dir(owner) if not name.startswith("__")]
                raise NotThereError(f"there is no {target}", nearest(part, known)) from None
            owner = getattr(owner, part)
        raise
    return ResolvedName(target.function, AttributeSlot(owner, attribute), reveal(value))


def _expand(parts: tuple[Part, ...], owner: Any, path: tuple[str, ...], module: str) -> Iterator[tuple[str, Any, Any]]:
    part, *rest = parts
    for name, value in list(vars(owner).items()):
        if not part.matches(name):
            continue
        if not rest:
            if _is_function(value):
                yield ".".join((*path, name)), owner, value
        # By `type`: to ask a lazy object what it is would wake it.
        elif issubclass(type(value), type) and getattr(value, "__module__", None) == module:
            yield from _expand(tuple(rest), value, (*path, name), module)


def _is_function(value: Any) -> bool:
    """Whether a pattern means it; by its type alone, since to ask a lazy object what it is would wake it."""
    kind = type(inside(value))
    return (
        issubclass(kind, _FUNCTIONS)
        or hasattr(kind, "__code__")  # functions of other compilers
        or any(base.__name__ == wrapt.FunctionWrapper.__name__ for base in kind.__mro__)  # some tools bring their own
    )
