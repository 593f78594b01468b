"""The leaves of exception groups. Nothing here raises, recurses, or runs code of an exception's class."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def leaves(error: BaseException) -> Sequence[BaseException]:
    """The exceptions in a group and its inner groups, each once; any other exception itself.

    A group whose members cannot be read, or that is empty, is a leaf.
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
        members = _members(each)
        if members is None:
            found.append(each)
        else:
            waiting.extend(reversed(members))
    return found


def is_group(kind: type) -> bool:
    """Whether exceptions of this type are groups."""
    return issubclass(kind, _group_types())


def _members(error: BaseException) -> tuple[BaseException, ...] | None:
    kind = type(error)
    for group in _group_types():
        if issubclass(kind, group):
            try:
                # Not through a subclass's own attribute.
                members = tuple(group.__dict__["exceptions"].__get__(error, kind))
            except Exception:  # the attribute of the backport is Python, and may be replaced
                return None
            return members if members and all(issubclass(type(each), BaseException) for each in members) else None
    return None


def _group_types() -> tuple[Any, ...]:
    if sys.version_info >= (3, 11):
        return (BaseExceptionGroup,)  # noqa: F821  # built in since Python 3.11
    # The backport, which AnyIO and Trio use on Python 3.10.
    group = getattr(sys.modules.get("exceptiongroup"), "BaseExceptionGroup", None)
    return () if group is None else (group,)
