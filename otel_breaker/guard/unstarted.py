"""Calls whose coroutine or stream the caller has, but has not started.

The caller may never start it. Such a call is cancelled as soon as that is certain, because it may hold a probe's place.
The frame of the coroutine or stream holds its `UnstartedCall`, so both are collected together. But a traceback may hold
the frame, as when a task is cancelled before its first step, and someone may keep a closed coroutine: the next call
that acquires a permit finds those.
"""

from __future__ import annotations

import dis
import inspect
import sys
import weakref
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CANCELLED

if TYPE_CHECKING:
    from otel_breaker.guard.call import Call

_RETURN_GENERATOR: Final = dis.opmap.get("RETURN_GENERATOR")


def _references_of_a_local_variable() -> int:
    value = object()
    return sys.getrefcount(value)


_HELD_ONLY_HERE: Final = _references_of_a_local_variable()

_UNSTARTED: Final[weakref.WeakValueDictionary[int, UnstartedCall]] = weakref.WeakValueDictionary()


class UnstartedCall:
    """One such call.

    Args:
        call: an admitted call.
        inner: the coroutine or stream that the function returned.
        in_steps: whether the time between two steps is the consumer's, not the call's.
    """

    __slots__ = ("__weakref__", "_call", "_in_steps", "_inner", "_stand_in")

    def __init__(self, call: Call, inner: Any, *, in_steps: bool = False) -> None:
        self._call = call
        self._inner = inner
        self._in_steps = in_steps
        self._stand_in: weakref.ref[Any] | None = None
        if in_steps:
            call.suspend()

    def watch(self, stand_in: Any) -> None:
        """Cancel the call when the caller drops or closes the stand-in."""
        self._stand_in = weakref.ref(stand_in)
        if self._call.has_own_permit:
            _UNSTARTED[id(self)] = self

    @property
    def is_dropped(self) -> bool:
        """Whether the stand-in is being collected; its frame may still run, to be closed."""
        return self._stand_in is None or self._stand_in() is None

    def start(self) -> Call:
        """Start the call."""
        _UNSTARTED.pop(id(self), None)
        if self._in_steps:
            self._call.resume()
        else:
            self._call.resume_span()
        return self._call

    def take(self) -> Any:
        """The coroutine or stream that the function returned, for the stand-in to drive."""
        inner, self._inner = self._inner, None
        return inner

    def cancel(self) -> None:
        """Cancel the call if it has not started."""
        inner = self.take()
        if inner is None:
            return
        try:
            # Closed, so that Python warns only of the stand-in; not where someone else may still await it.
            if type(inner) is CoroutineType and sys.getrefcount(inner) <= _HELD_ONLY_HERE:
                inner.close()
        finally:
            self._call.end(CANCELLED)

    def cancel_if_abandoned(self) -> None:
        """Cancel the call if it can no longer start."""
        stand_in = self._stand_in() if self._stand_in is not None else None
        if stand_in is None or _is_closed(stand_in):
            self.cancel()

    def __del__(self) -> None:
        self.cancel()


def cancel_abandoned_calls() -> None:
    """Cancel the calls that can no longer start, to free their places."""
    if _UNSTARTED:
        for reference in _UNSTARTED.valuerefs():
            unstarted = reference()
            if unstarted is not None:
                unstarted.cancel_if_abandoned()


def is_unstarted(inner: Any) -> bool:
    """Whether a coroutine, generator or async generator has made no step."""
    if type(inner) is CoroutineType:
        return inspect.getcoroutinestate(inner) == inspect.CORO_CREATED
    if type(inner) is GeneratorType:
        return inspect.getgeneratorstate(inner) == inspect.GEN_CREATED
    frame = inner.ag_frame
    if frame is None or inner.ag_running:
        return False
    suspended: bool | None = getattr(inner, "ag_suspended", None)
    if suspended is not None:
        return not suspended
    # Before Python 3.12 only the last instruction shows it: none, or the one that made the generator.
    return bool(frame.f_lasti < 0 or frame.f_code.co_code[frame.f_lasti] == _RETURN_GENERATOR)


def _is_closed(stand_in: Any) -> bool:
    if type(stand_in) is CoroutineType:
        return inspect.getcoroutinestate(stand_in) == inspect.CORO_CLOSED
    if type(stand_in) is GeneratorType:
        return inspect.getgeneratorstate(stand_in) == inspect.GEN_CLOSED
    return getattr(stand_in, "ag_frame", None) is None
