"""Types read past their metaclass, which may answer for anything itself, and raise. Nothing here runs foreign code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_name_of: Final = type.__dict__["__name__"].__get__
_bases_of: Final = type.__dict__["__mro__"].__get__
_namespace_of: Final = type.__dict__["__dict__"].__get__


def derives_from(kind: type, bases: Collection[type]) -> bool:
    """Whether a type is one of some others or a subclass of one; whom abstract classes have registered is not.

    `issubclass` asks the metaclass of the second, such as that of `trio.Cancelled`, which hashes the first.
    """
    return any(base is wanted for base in _bases_of(kind) for wanted in bases)


def namespaces(kind: type) -> Iterator[Mapping[str, Any]]:
    """The namespaces of a type and of all that it derives from, in the order in which attributes are looked up."""
    return map(_namespace_of, _bases_of(kind))


def named_namespaces(kind: type) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The same, each with the name of its type."""
    return ((_name_of(one), _namespace_of(one)) for one in _bases_of(kind))


def has(kind: type, name: str) -> bool:
    """Whether instances of a type have an attribute by their type."""
    return any(name in namespace for namespace in namespaces(kind))
