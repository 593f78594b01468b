"""What a function returned may be a call in progress: then the guarded call ends when that does.

Which results are is told here, by their types: futures, coroutines and streams, each followed by the module of that
name. Nobody else's code decides: a type is read past its metaclass. What merely can be awaited, such as a client or a
pool, is no call in progress: its call ends on return.
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
"""Lets a call end with its result, and returns what the caller gets."""

COMPLETE_TYPES: Final[set[type]] = set()
"""Types that live for ever, such as `int`, whose instances are known to be no calls in progress: a look-up that costs
next to nothing per call."""

_plain: Final[TypeMemo[bool]] = TypeMemo(1_000)
COMPLETE_TYPE_IDS: Final = _plain.known
"""The same of types that may go, by `id`: the next cheapest look-up."""

_flags_of: Final = type.__dict__["__flags__"].__get__
_CAN_GO: Final = 1 << 9
"""Of a type's flags: it was made while Python ran (`Py_TPFLAGS_HEAPTYPE`), and may go before it ends."""


def follower_of(result: Any) -> Follower | None:
    """How to follow what a plain function returned; None when its call is over."""
    kind = type(result)
    if id(kind) in COMPLETE_TYPE_IDS:
        return None
    if kind is CoroutineType:
        return follow_coroutine
    follower = stream_follower_of(result) or _by_abilities(kind)
    if follower is None:
        if _flags_of(kind) & _CAN_GO:
            _plain.learn(kind, True)  # the only thing to be known
        else:
            COMPLETE_TYPES.add(kind)
    return follower


def is_awaitable(result: Any) -> bool:
    """Whether a result can be awaited."""
    kind = type(result)
    if kind is GeneratorType:  # some are: those of `types.coroutine`
        return bool(result.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return has(kind, "__await__")


def _by_abilities(kind: type) -> Follower | None:
    if has(kind, "_asyncio_future_blocking"):
        return follow_asyncio_future
    if _is_named(kind, "concurrent.futures", "Future") or _is_named(kind, "grpc", "Future"):
        return follow_future
    if _is_named(kind, "grpc.aio", "Call"):
        return follow_rpc
    if has(kind, "addBoth"):
        return follow_deferred
    if request_of(kind) is not None:
        return follow_request
    return follow_held if is_held_by(kind) else None


def _is_named(kind: type, module: str, name: str) -> bool:
    """Whether a type derives from one of a library, which need not be there."""
    library = sys.modules.get(module)
    base = getattr(library, name, None) if library is not None else None
    return base is not None and derives_from(kind, (base,))
