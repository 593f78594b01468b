"""Streams that a function returned: generators, context managers of `contextlib`, and builtin lazy iterators."""

from __future__ import annotations

from abc import ABCMeta
from contextlib import asynccontextmanager, contextmanager
from itertools import chain, islice
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CANCELLED, SUCCESS
from otel_breaker.guard.stand_ins import follow_async_generator, follow_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.guard.call import Call


def stream_follower_of(result: Any) -> Callable[[Any, Call], Any] | None:
    """The follower of a stream; None if the result is none."""
    kind = type(result)
    # Hashing a type of another metaclass may raise.
    return _STREAMS.get(kind) if type(kind) is type or type(kind) is ABCMeta else None


def follow_manager(manager: Any, call: Call) -> Any:
    """End a call when the block of a context manager ends. The caller gets the same object, with another generator."""
    follow_inner = follow_generator if type(manager.gen) is GeneratorType else follow_async_generator
    manager.gen = follow_inner(manager.gen, call, is_block=True)
    return manager


def follow_items(items: Iterator[Any], call: Call) -> Any:
    """End a call when a lazy iterator is exhausted; the caller gets another one of its type."""
    return _LAZY[type(items)](_Items(items, call))


class _Items:
    """The items of such an iterator. No generator: that would be exhausted after an exception."""

    def __init__(self, items: Iterator[Any], call: Call) -> None:
        self._items = items
        self._call = call
        self._outcome = CANCELLED  # where it is dropped before its first item
        call.suspend()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._call.resume()
        try:
            item = next(self._items)
        except StopIteration:
            self._call.end(SUCCESS)
            raise
        except BaseException as error:
            self._call.raised(error)
            raise
        self._outcome = SUCCESS
        self._call.suspend()
        return item

    def __del__(self) -> None:
        self._call.end(self._outcome)


_LAZY: Final[dict[type, Callable[[Any], Any]]] = {
    map: lambda items: map(_unchanged, items),
    filter: lambda items: filter(_always_true, items),
    chain: chain,
    islice: lambda items: islice(items, None),
}


def _unchanged(item: Any) -> Any:
    return item


def _always_true(_item: Any) -> bool:
    return True


def _generator_function() -> Iterator[None]:
    yield


async def _async_generator_function() -> Any:
    yield


_STREAMS: Final[dict[type, Callable[[Any, Call], Any]]] = {
    GeneratorType: follow_generator,
    AsyncGeneratorType: follow_async_generator,
    type(contextmanager(_generator_function)()): follow_manager,
    type(asynccontextmanager(_async_generator_function)()): follow_manager,
    **dict.fromkeys(_LAZY, follow_items),
}
