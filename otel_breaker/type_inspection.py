"""Reads types without their metaclass, which may override any attribute, and raise. Nothing here runs foreign code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_name_of: Final = type.__dict__["__name__"].__get__
_bases_of: Final = type.__dict__["__mro__"].__get__
_namespace_of: Final = type.__dict__["__dict__"].__get__


def derives_from(kind: type, bases: Collection[type]) -> bool:
    """Whether a type is one of `bases` or inherits from one; a virtual subclass does not.

    `issubclass` calls the metaclass of the base; that of `trio.Cancelled`, for example, hashes the type.
    """
    return any(base is wanted for base in _bases_of(kind) for wanted in bases)


def namespaces(kind: type) -> Iterator[Mapping[str, Any]]:
    """The namespaces of a type and its bases, in the order of attribute lookup."""
    return map(_namespace_of, _bases_of(kind))


def named_namespaces(kind: type) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The namespaces of a type and its bases, each with the name of its type."""
    return ((_name_of(base), _namespace_of(base)) for base in _bases_of(kind))


def has(kind: type, name: str) -> bool:
    """Whether a type or one of its bases defines an attribute for its instances."""
    return any(name in namespace for namespace in namespaces(kind))
