"""A contender: one new breaker, ours or a peer's, or a reference without a breaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Wrap: TypeAlias = Callable[[Any], Any]
    """A decorator."""


def _never_open() -> bool:
    return False


@dataclass(frozen=True)
class Contender:
    """One breaker, used as its documentation shows; an ability that it lacks is None."""

    name: str
    refusal: type[Exception] = Exception
    is_open: Callable[[], bool] = _never_open
    function: Wrap | None = None
    coroutine: Wrap | None = None
    generator: Wrap | None = None
    async_generator: Wrap | None = None
    block: Callable[[], AbstractContextManager[Any]] | None = None
    call: Callable[..., Any] | None = None
    """Calls a function with arguments."""
    call_later: Callable[..., Any] | None = None
    """Calls a coroutine function with arguments; awaited."""
    two_step: Any = None
    """Has `can_execute` and `record_success`."""
    find: Callable[..., Any] | None = None
    """Finds the breaker of a name and a key; its `guard` makes a block."""
