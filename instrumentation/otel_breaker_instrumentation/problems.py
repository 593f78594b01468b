"""Collects the mistakes of a configuration, so that one does not hide the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker import InvalidSettings

if TYPE_CHECKING:
    from types import TracebackType


class Problems:
    """The mistakes found so far. A `with` block is one part of the configuration: a mistake ends it, and is kept.

    Args:
        first_only: let the first mistake leave its block, for callers that need no other.
    """

    def __init__(self, *, first_only: bool = False) -> None:
        self._first_only = first_only
        self._found: dict[tuple[object, ...], InvalidSettings] = {}

    def __len__(self) -> int:
        return len(self._found)

    @property
    def found(self) -> list[InvalidSettings]:
        """In the order of the configuration; a mistake that concerns all breakers is there once."""
        return list(self._found.values())

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, InvalidSettings):
            return False
        for each in (error, *error.others):
            self._found.setdefault(each.args, each)
        return not self._first_only
