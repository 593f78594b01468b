"""Collecting what is wrong with a configuration: one mistake does not hide the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker import InvalidSettings

if TYPE_CHECKING:
    from types import TracebackType


class Problems:
    """The mistakes found so far. A `with` block is one part of the configuration: a mistake ends it, and is kept."""

    def __init__(self) -> None:
        self.found: list[InvalidSettings] = []

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, InvalidSettings):
            return False
        if all(error.args != other.args for other in self.found):  # what is wrong for all breakers is told once
            self.found.append(error)
        return True
