"""What a plain function returned turns out to be awaitable: then the call ends when that does.

The caller gets something that can be used like what the function returned; a future is handed on untouched. One that
is never awaited is a cancelled call.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from inspect import CO_ITERABLE_COROUTINE
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CANCELLED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from otel_breaker.guard.call import Call

PLAIN: Final[set[type]] = set()
"""Types whose instances are known not to be awaitable: a look-up that costs next to nothing per call."""

_MOST_TYPES: Final = 1_000


def is_awaitable(result: Any) -> bool:
    """Whether a result can be awaited."""
    kind = type(result)
    if is_plain(kind):
        return False
    if hasattr(kind, "__await__"):
        return True
    if kind is GeneratorType:  # some are: those of `types.coroutine`
        return bool(result.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    if len(PLAIN) < _MOST_TYPES:
        with suppress(TypeError):
            PLAIN.add(kind)
    return False


def is_plain(kind: type) -> bool:
    """Whether it is known that what is of this type cannot be awaited."""
    try:
        return kind in PLAIN
    except TypeError:  # a type may refuse to be hashed
        return False


def follow(result: Any, call: Call) -> Any:
    """Let a call end when what its function returned does.

    Returns:
        What the caller gets instead: the same thing to all appearances.
    """
    call.suspend_span()
    if hasattr(result, "add_done_callback"):
        result.add_done_callback(_Ending(call))
        return result
    if isinstance(result, Coroutine):
        return _FollowedCoroutine(result, call)
    return (_FollowedContext if hasattr(type(result), "__aenter__") else _Followed)(result, call)


class _Ending:
    """Ends a call when a future is done, or dropped undone."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, future: Any) -> None:
        if future.cancelled():
            self._call.end(CANCELLED)
            return
        # Not `exception()`: that would silence "exception was never retrieved".
        error = getattr(future, "_exception", None)
        if error is None:
            self._call.returned(future.result())
        else:
            self._call.raised(error)

    def __del__(self) -> None:
        self._call.end(CANCELLED)


async def _await(awaitable: Awaitable[Any], call: Call) -> Any:
    call.resume_span()
    try:
        result = await awaitable
    except BaseException as error:
        call.raised(error)
        raise
    call.returned(result)
    return result


class _Followed:
    """Any awaitable; all but awaiting is left to it."""

    def __init__(self, awaitable: Any, call: Call) -> None:
        self._awaitable = awaitable
        self._call = call

    def __await__(self) -> Generator[Any, Any, Any]:
        # A generator, so that this object lives as long as it is awaited.
        return (yield from _await(self._awaitable, self._call).__await__())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._awaitable, name)

    def __del__(self) -> None:
        self._call.end(CANCELLED)


class _FollowedContext(_Followed):
    """An awaitable that can also be entered, such as a request of an HTTP client: entering it is the call."""

    async def __aenter__(self) -> Any:
        return await _await(self._awaitable.__aenter__(), self._call)

    async def __aexit__(self, *error: object) -> Any:
        return await self._awaitable.__aexit__(*error)


class _FollowedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], call: Call) -> None:
        self._coroutine = coroutine
        self._call = call
        self._steps = _await(coroutine, call)

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._steps.__await__())

    def send(self, value: Any) -> Any:
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        return self._steps.throw(*error)

    def close(self) -> None:
        self._steps.close()
        self._coroutine.close()
        self._call.end(CANCELLED)

    def __del__(self) -> None:
        self._steps.close()
        self._call.end(CANCELLED)
