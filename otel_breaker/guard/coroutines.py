"""Coroutines that a function returned, and objects that will await one.

For a coroutine the caller gets a stand-in (stand_ins.py). An object is returned itself, and holds the stand-in of the
coroutine that it will await.
"""

from __future__ import annotations

import weakref
from types import CoroutineType, FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CANCELLED
from otel_breaker.guard.stand_ins import follow, make_stand_in
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.guard.unstarted import UnstartedCall, is_unstarted
from otel_breaker.type_inspection import has, named_namespaces, namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.guard.call import Call

# Types without the methods of a coroutine, whose `async with` awaits the one that they hold.
_ENTERED: Final = frozenset({"_SessionRequestContextManager"})  # what `aiohttp.request` returns

# Types that make a request when they are awaited, and hold no coroutine before; with the method that makes it.
_REQUESTS: Final = {
    "AsyncPaginator": "_get_page",  # of the clients that Stainless generates: openai, anthropic and others
}


def follow_coroutine(coroutine: Any, call: Call) -> Any:
    """End a call when a coroutine ends."""
    return make_stand_in(_await, coroutine, coroutine.cr_code, call)


async def _await(unstarted: UnstartedCall) -> Any:
    call = unstarted.start()
    try:
        result = await unstarted.take()
    except BaseException as error:
        call.raised(error)
        raise
    follower = stream_follower_of(result)
    if follower is not None:
        return follow(follower, result, call)
    call.returned(result)
    return result


def is_held_by(kind: type) -> bool:
    """Whether instances of a type hold a coroutine: they have its methods, or their `async with` awaits it."""
    if all(has(kind, name) for name in ("__await__", "send", "throw", "close")):
        return True
    return any(name in _ENTERED for name, _ in named_namespaces(kind))


def follow_held(holder: Any, call: Call) -> Any:
    """End a call when the one unstarted coroutine that an object holds ends; see `is_held_by`."""
    attributes = _attributes(holder)
    held = [(name, value) for name, value in attributes if type(value) is CoroutineType and is_unstarted(value)]
    if len(held) == 1:
        name, coroutine = held[0]
        object.__setattr__(holder, name, coroutine)  # raises, before a stand-in is made, where it cannot be replaced
        object.__setattr__(holder, name, follow_coroutine(coroutine, call))
    else:
        call.returned(holder)
    return holder


def _attributes(holder: Any) -> Iterator[tuple[str, Any]]:
    """The attributes in an object's slots and in its namespace."""
    for of_type in namespaces(type(holder)):
        for name, slot in of_type.items():
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(holder)
                except AttributeError:  # an empty slot
                    continue
    namespace = getattr(holder, "__dict__", None)
    if type(namespace) is dict:
        yield from list(namespace.items())


def request_of(kind: type) -> str | None:
    """The method of a type that makes the request when an instance is awaited; None where it is not known."""
    for name, namespace in named_namespaces(kind):
        method = _REQUESTS.get(name)
        if method is not None and type(namespace.get(method)) is FunctionType:
            return method
    return None


def follow_request(holder: Any, call: Call) -> Any:
    """End a call when the first request of an object ends, which it makes when it is awaited or iterated."""
    method = str(request_of(type(holder)))
    object.__setattr__(holder, method, _FirstRequest(holder, method, call))
    return holder


class _FirstRequest:
    """Replaces a method of one object for one call of it."""

    def __init__(self, holder: Any, method: str, call: Call) -> None:
        self._holder = weakref.ref(holder)  # the holder refers to this
        self._method = method
        self._call: Call | None = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        holder = self._holder()
        object.__delattr__(holder, self._method)
        coroutine = getattr(holder, self._method)(*args, **kwargs)
        call, self._call = self._call, None
        return coroutine if call is None else follow_coroutine(coroutine, call)

    def __del__(self) -> None:
        if self._call is not None:
            self._call.end(CANCELLED)
