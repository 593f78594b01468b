"""What a target names in an imported module.

A full name is followed as Python follows it, inherited methods and attributes of objects included. A pattern matches
functions and methods that the module itself defines: not those that it imports, nor classes, properties and other
objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import BuiltinFunctionType, ClassMethodDescriptorType, FunctionType, MethodDescriptorType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_breaker.settings.messages import nearest
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
    """A function that a target names, and where."""

    function: str
    """Its name: `module:qualified.name`."""
    slot: AttributeSlot
    value: Any
    """The function as its namespace, or that of a base class, holds it: a classmethod is one."""


class NotThereError(Exception):
    """A target names nothing."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


def look_up(
    target: Target, module: Any, original_of: Callable[[Any], Any], is_taken: Callable[[ResolvedName], bool]
) -> list[ResolvedName]:
    """Find what a target names.

    Args:
        target: names it.
        module: where to look.
        original_of: gives what a slot held before a guard of ours; any other value itself.
        is_taken: whether another target names a function, so that a pattern leaves it out.

    Returns:
        One function, or all that a pattern matches.

    Raises:
        NotThereError: when there is no such function.
    """
    if not target.pattern.is_wild:
        return [_resolve(target, module, original_of)]
    resolved: dict[tuple[int, str], ResolvedName] = {}
    for name, owner, held in _expand(target.pattern.parts, module, (), target.pattern.module):
        value, slot = original_of(held), AttributeSlot(owner, name.rpartition(".")[2])
        each = ResolvedName(f"{target.pattern.module}:{name}", slot, value)
        # An import may have brought the guard of a function that another module defines.
        if defines(target.pattern.module, value) and not is_taken(each) and not target.excludes(name):
            resolved.setdefault(slot.key, each)  # a class may have two names
    if not resolved:
        raise NotThereError(
            "it stands for no function that the module defines and that no other target names",
            "name the module that defines them; private names only match a part that begins with `_`",
        )
    return list(resolved.values())


def defines(module: str, value: Any) -> bool:
    """Whether a function is one of a module's own."""
    function = inside(value)
    # A method of C only knows its class.
    return getattr(getattr(function, "__objclass__", function), "__module__", None) == module


def _resolve(target: Target, module: Any, original_of: Callable[[Any], Any]) -> ResolvedName:
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
    return ResolvedName(target.function, AttributeSlot(owner, attribute), original_of(value))


def _expand(parts: tuple[Part, ...], owner: Any, path: tuple[str, ...], module: str) -> Iterator[tuple[str, Any, Any]]:
    """The qualified name, the owner and the value of each function that a pattern's parts match."""
    part, *rest = parts
    for name, value in list(vars(owner).items()):
        if not part.matches(name):
            continue
        if not rest:
            if _is_function(value):
                yield ".".join((*path, name)), owner, value
        # By `type`: `isinstance` reads `__class__`, which loads a lazy object.
        elif issubclass(type(value), type) and getattr(value, "__module__", None) == module:
            yield from _expand(tuple(rest), value, (*path, name), module)


def _is_function(value: Any) -> bool:
    """Whether a pattern matches a value; by its type alone, since `isinstance` would load a lazy object."""
    kind = type(inside(value))
    return (
        issubclass(kind, _FUNCTIONS)
        or hasattr(kind, "__code__")  # functions of other compilers
        or any(base.__name__ == wrapt.FunctionWrapper.__name__ for base in kind.__mro__)  # some tools bundle wrapt
    )
