"""Calls in progress that call back when they are done: futures, gRPC's calls, Twisted's Deferreds.

Each is handed on untouched. A callback of ours never raises, and passes on what it is given.
"""

from __future__ import annotations

import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any

from otel_breaker.core.states import CANCELLED, IGNORED, SUCCESS
from otel_breaker.type_inspection import has

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from otel_breaker.guard.call import Call


def follow_future(future: Any, call: Call) -> Any:
    """Follow a future of `concurrent.futures` or of gRPC."""
    ending = _Ending(call, _end_with_future)  # lives until `follow` has seen what adding it may raise
    future.add_done_callback(ending)
    return future


def follow_asyncio_future(future: Any, call: Call) -> Any:
    """Follow a future of asyncio, which would keep the caller's context alive for a callback."""
    ending = _Ending(call, _end_with_future)
    future.add_done_callback(ending, context=Context())
    return future


def follow_rpc(rpc: Any, call: Call) -> Any:
    """Follow a call of `grpc.aio`, unary or a stream."""
    ending = _Ending(call, _end_with_rpc)
    rpc.add_done_callback(ending)
    return rpc


def follow_deferred(deferred: Any, call: Call) -> Any:
    """Follow a Deferred of Twisted."""
    ending = _Ending(call, _end_with_deferred)
    deferred.addBoth(ending)
    return deferred


class _Ending:
    """Ends a call when what it is given to is done, or dropped undone."""

    def __init__(self, call: Call, judge: Callable[[Call, Any], None]) -> None:
        call.ends_in_callback = True
        self._call = call
        self._judge = judge

    def __call__(self, result: Any) -> Any:
        try:
            self._judge(self._call, result)
        except Exception:  # it does not say what became of it: only that it is over
            self._call.end(IGNORED)
        return result  # for a Deferred's next callback

    def __del__(self) -> None:
        self._call.end(CANCELLED)


def _end_with_future(call: Call, future: Any) -> None:
    if future.cancelled():
        call.end(CANCELLED)
        return
    # Of asyncio's, `exception()` would silence "never retrieved".
    error = future._exception if has(type(future), "_exception") else future.exception()  # noqa: SLF001
    if error is None:
        call.returned(future.result())
    else:
        call.raised(error)


def _end_with_rpc(call: Call, rpc: Any) -> None:
    """By its status: the response may not have been read yet, and it is the caller's to read."""
    if rpc.cancelled():
        call.end(CANCELLED)
        return
    grpc = sys.modules["grpc"]
    code = _at_once(rpc.code())
    if code is grpc.StatusCode.OK:
        call.end(SUCCESS)
        return
    metadata = [_at_once(ask()) or grpc.aio.Metadata() for ask in (rpc.initial_metadata, rpc.trailing_metadata)]
    call.raised(grpc.aio.AioRpcError(code, *metadata, details=_at_once(rpc.details())))


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that has nothing to wait for; None if it has."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        coroutine.close()
    return None


def _end_with_deferred(call: Call, result: Any) -> None:
    failure = sys.modules["twisted.python.failure"].Failure
    if not issubclass(type(result), failure):
        call.returned(result)
    elif issubclass(type(result.value), sys.modules["twisted.internet.defer"].CancelledError):
        call.end(CANCELLED)
    else:
        call.raised(result.value)
