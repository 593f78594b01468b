"""Coroutines that a function returned, and objects that will await one.

Of a true coroutine the caller gets another true one. An object is handed on itself, with what it will await replaced.
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

# Objects that can only be entered, and then await a coroutine that they hold.
_ENTERED: Final = frozenset({"_SessionRequestContextManager"})  # what `aiohttp.request` returns

# Of objects that make a request when they are awaited, and hold no coroutine before: the method that makes it.
_REQUESTS: Final = {
    "AsyncPaginator": "_get_page",  # of the clients that Stainless generates: openai, anthropic and others
}


def follow_coroutine(coroutine: Any, call: Call) -> Any:
    """Let a call end with a coroutine."""
    return make_stand_in(_await, coroutine, coroutine.cr_code, call)


async def _await(unbegun: UnstartedCall) -> Any:
    call = unbegun.begin()
    try:
        result = await unbegun.take()
    except BaseException as error:
        call.raised(error)
        raise
    follower = stream_follower_of(result)
    if follower is not None:
        return follow(follower, result, call)
    call.returned(result)
    return result


def is_held_by(kind: type) -> bool:
    """Whether instances of a type may stand before a coroutine: they have its methods, or are known to enter it."""
    if all(has(kind, name) for name in ("__await__", "send", "throw", "close")):
        return True
    return any(name in _ENTERED for name, _ in named_namespaces(kind))


def follow_held(holder: Any, call: Call) -> Any:
    """Let a call end with the one coroutine that an object stands before and nobody has begun; see `is_held_by`."""
    held = [
        (name, value) for name, value in _attributes(holder) if type(value) is CoroutineType and is_unstarted(value)
    ]
    if len(held) == 1:
        name, coroutine = held[0]
        object.__setattr__(holder, name, coroutine)  # raises, before anything is done, where it cannot be replaced
        object.__setattr__(holder, name, follow_coroutine(coroutine, call))
    else:
        call.returned(holder)
    return holder


def _attributes(holder: Any) -> Iterator[tuple[str, Any]]:
    """What an object has in its slots and in its namespace."""
    for of_type in namespaces(type(holder)):
        for name, slot in of_type.items():
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(holder)
                except AttributeError:  # nothing is in it
                    continue
    own = getattr(holder, "__dict__", None)
    if type(own) is dict:
        yield from list(own.items())


def request_of(kind: type) -> str | None:
    """Which method of a type makes the request that awaiting it waits for, where that is known."""
    for name, namespace in named_namespaces(kind):
        method = _REQUESTS.get(name)
        if method is not None and type(namespace.get(method)) is FunctionType:
            return method
    return None


def follow_request(holder: Any, call: Call) -> Any:
    """Let a call end with the first request of an object that makes one when it is awaited, or gone through."""
    method = str(request_of(type(holder)))
    object.__setattr__(holder, method, _FirstRequest(holder, method, call))
    return holder


class _FirstRequest:
    """Stands in front of a method for one call of it."""

    def __init__(self, holder: Any, method: str, call: Call) -> None:
        self._holder = weakref.ref(holder)  # which holds this
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
