"""The functions that contenders guard."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ITEMS: Final = 10


class Broken(Exception):
    """The exception of a failing callee."""


def work(value: int) -> int:
    return value


def flaky(value: int) -> int:
    if not value:
        raise Broken
    return value


def broken(value: int) -> int:
    raise Broken


async def work_later(value: int) -> int:
    return value


def items(value: int) -> Iterator[int]:
    for _ in repeat(None, ITEMS):
        yield value


async def items_later(value: int) -> AsyncIterator[int]:
    for _ in repeat(None, ITEMS):
        yield value


class Client:
    """Has a method that is bound anew at each call."""

    async def request(self, value: int) -> int:
        return value
