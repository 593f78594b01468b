"""Calls in progress that run callbacks when they are done: futures, gRPC's calls, Twisted's Deferreds.

The caller gets the same object. The callback that is added never raises, and returns its argument.
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
    """End a call when a future of `concurrent.futures` or of gRPC ends."""
    ending = _Ending(call, _end_with_future)  # referred to while `follow` handles what adding it may raise
    future.add_done_callback(ending)
    return future


def follow_asyncio_future(future: Any, call: Call) -> Any:
    """End a call when a future of asyncio ends. The empty context keeps the future from holding the caller's."""
    ending = _Ending(call, _end_with_future)
    future.add_done_callback(ending, context=Context())
    return future


def follow_rpc(rpc: Any, call: Call) -> Any:
    """End a call when a call of `grpc.aio` ends, unary or a stream."""
    ending = _Ending(call, _end_with_rpc)
    rpc.add_done_callback(ending)
    return rpc


def follow_deferred(deferred: Any, call: Call) -> Any:
    """End a call when a Deferred of Twisted fires."""
    ending = _Ending(call, _end_with_deferred)
    deferred.addBoth(ending)
    return deferred


class _Ending:
    """A callback that ends a call; dropped without having run, it cancels the call."""

    _call: Call | None = None  # until an interrupt can no longer come before it is set

    def __init__(self, call: Call, end: Callable[[Call, Any], None]) -> None:
        call.ends_in_callback = True
        self._call, self._end = call, end

    def __call__(self, result: Any) -> Any:
        call = self._call
        if call is not None:
            try:
                self._end(call, result)
            except Exception:  # the outcome is unknown
                call.end(IGNORED)
        return result  # for a Deferred's next callback

    def __del__(self) -> None:
        if self._call is not None:
            self._call.end(CANCELLED)


def _end_with_future(call: Call, future: Any) -> None:
    if future.cancelled():
        call.end(CANCELLED)
        return
    # `exception()` of asyncio's would suppress the warning "exception was never retrieved".
    error = future._exception if has(type(future), "_exception") else future.exception()  # noqa: SLF001
    if error is None:
        call.returned(future.result())
    else:
        call.raised(error)


def _end_with_rpc(call: Call, rpc: Any) -> None:
    """End a call by the status of an RPC: only the caller may read the response."""
    if rpc.cancelled():
        call.end(CANCELLED)
        return
    grpc = sys.modules["grpc"]
    code = _result_at_once(rpc.code())
    if code is grpc.StatusCode.OK:
        call.end(SUCCESS)
        return
    metadata = [
        _result_at_once(method()) or grpc.aio.Metadata() for method in (rpc.initial_metadata, rpc.trailing_metadata)
    ]
    call.raised(grpc.aio.AioRpcError(code, *metadata, details=_result_at_once(rpc.details())))


def _result_at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that does not wait; None if it waits."""
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
