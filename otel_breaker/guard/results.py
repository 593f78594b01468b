"""A result may be a call in progress: the guarded call then ends when the result does.

Its type decides: futures, coroutines and streams are followed, each by the module of that name. Types are inspected
without running code of their metaclasses. A result that can merely be awaited, such as a client or a pool, is complete:
its call ends when the function returns.
"""

from __future__ import annotations

import sys
from inspect import CO_ITERABLE_COROUTINE
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_breaker.guard.coroutines import follow_coroutine, follow_held, follow_request, is_held_by, request_of
from otel_breaker.guard.futures import follow_asyncio_future, follow_deferred, follow_future, follow_rpc
from otel_breaker.guard.streams import stream_follower_of
from otel_breaker.type_inspection import derives_from, has
from otel_breaker.type_memo import TypeMemo

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.guard.call import Call

Follower: TypeAlias = "Callable[[Any, Call], Any]"
"""Ends a call when its result ends, and returns the object that the caller gets."""

COMPLETE_TYPES: Final[set[type]] = set()
"""Immortal types, such as `int`, whose instances are never calls in progress; the cheapest look-up."""

_complete_types: Final[TypeMemo[bool]] = TypeMemo(1_000)
COMPLETE_TYPE_IDS: Final = _complete_types.by_id
"""The `id` of other such types, which may be collected; the next cheapest look-up."""

_flags_of: Final = type.__dict__["__flags__"].__get__
_HEAP_TYPE: Final = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: the type was made at run time, and may be collected."""


def follower_of(result: Any) -> Follower | None:
    """The follower of a function's result; None when the result is complete."""
    kind = type(result)
    is_immortal = not _flags_of(kind) & _HEAP_TYPE
    if id(kind) in COMPLETE_TYPE_IDS or (is_immortal and kind in COMPLETE_TYPES):
        return None
    if kind is CoroutineType:
        return follow_coroutine
    follower = stream_follower_of(result) or _follower_by_attributes(kind)
    if follower is None:
        if is_immortal:
            COMPLETE_TYPES.add(kind)
        else:
            _complete_types.add(kind, True)  # the only value there is
    return follower


def is_awaitable(result: Any) -> bool:
    """Whether a result can be awaited."""
    kind = type(result)
    if kind is GeneratorType:  # `types.coroutine` makes awaitable ones
        return bool(result.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return has(kind, "__await__")


def _follower_by_attributes(kind: type) -> Follower | None:
    if has(kind, "_asyncio_future_blocking"):
        return follow_asyncio_future
    if _derives_from_library(kind, "concurrent.futures", "Future") or _derives_from_library(kind, "grpc", "Future"):
        return follow_future
    if _derives_from_library(kind, "grpc.aio", "Call"):
        return follow_rpc
    if has(kind, "addBoth"):
        return follow_deferred
    if request_of(kind) is not None:
        return follow_request
    return follow_held if is_held_by(kind) else None


def _derives_from_library(kind: type, module: str, name: str) -> bool:
    """Whether a type derives from a type of a library, which may not be imported."""
    library = sys.modules.get(module)
    base = getattr(library, name, None) if library is not None else None
    return base is not None and derives_from(kind, (base,))
