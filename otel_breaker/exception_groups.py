"""What an exception group is made of. Nothing here raises, recurses, or asks an exception's own class."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def leaves(error: BaseException) -> Sequence[BaseException]:
    """The exceptions in a group and its inner groups, each once; of anything else, itself.

    A group that will not tell what is in it, or holds nothing, is a leaf.
    """
    if not is_group(type(error)):
        return (error,)
    found: list[BaseException] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        inner = _inner(each)
        if inner is None:
            found.append(each)
        else:
            waiting.extend(reversed(inner))
    return found


def is_group(kind: type) -> bool:
    """Whether exceptions of a type are groups."""
    return issubclass(kind, _group_types())


def _inner(error: BaseException) -> tuple[BaseException, ...] | None:
    kind = type(error)
    for group in _group_types():
        if issubclass(kind, group):
            try:
                # Past what a subclass makes of the attribute.
                inner = tuple(group.__dict__["exceptions"].__get__(error, kind))
            except Exception:  # the backport's is Python, and may have been tampered with
                return None
            return inner if inner and all(issubclass(type(each), BaseException) for each in inner) else None
    return None


def _group_types() -> tuple[Any, ...]:
    if sys.version_info >= (3, 11):
        return (BaseExceptionGroup,)  # noqa: F821  # built in since Python 3.11
    # Where AnyIO and Trio find groups on Python 3.10.
    group = getattr(sys.modules.get("exceptiongroup"), "BaseExceptionGroup", None)
    return () if group is None else (group,)
