"""Calls whose coroutine or stream was handed to the caller, but not begun yet.

The caller may never begin it: such a call is cancelled as soon as that can be known, lest it hold a probe's place.
The frame of what the caller got holds its `UnstartedCall`: when the one is gone, so is the other. But what is thrown into a
coroutine before its first step, as by cancelling its task, may hold the frame by its traceback, and a closed one may be
held by whoever closed it: those are found by the next call that asks for a place.
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


def _references_of_a_local_name() -> int:
    held = object()
    return sys.getrefcount(held)


_HELD_HERE_ALONE: Final = _references_of_a_local_name()

_LIVING: Final[weakref.WeakValueDictionary[int, UnstartedCall]] = weakref.WeakValueDictionary()


class UnstartedCall:
    """One such call.

    Args:
        call: was admitted.
        inner: what the function returned.
        in_steps: whether only the steps of it are the call's, and not the time between them.
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
        """Watch what the caller gets."""
        self._stand_in = weakref.ref(stand_in)
        if self._call.has_own_permit:
            _LIVING[id(self)] = self

    @property
    def is_dropped(self) -> bool:
        """Whether nobody holds what the caller got; its frame may run all the same, to be closed."""
        return self._stand_in is None or self._stand_in() is None

    def begin(self) -> Call:
        """Let the call begin."""
        _LIVING.pop(id(self), None)
        if self._in_steps:
            self._call.resume()
        else:
            self._call.resume_span()
        return self._call

    def take(self) -> Any:
        """What the function returned, to be driven from now on."""
        inner, self._inner = self._inner, None
        return inner

    def end(self) -> None:
        """End the call if it has not begun."""
        inner = self.take()
        if inner is None:
            return
        try:
            # That nobody awaited it is said of what the caller got; somebody else who holds it may still do so.
            if type(inner) is CoroutineType and sys.getrefcount(inner) <= _HELD_HERE_ALONE:
                inner.close()
        finally:
            self._call.end(CANCELLED)

    def cancel_if_abandoned(self) -> None:
        """End the call if it can no longer begin."""
        stand_in = self._stand_in() if self._stand_in is not None else None
        if stand_in is None or _is_closed(stand_in):
            self.end()

    def __del__(self) -> None:
        self.end()


def cancel_abandoned_calls() -> None:
    """Give back the places of calls that can no longer begin."""
    if _LIVING:
        for reference in _LIVING.valuerefs():
            unbegun = reference()
            if unbegun is not None:
                unbegun.cancel_if_abandoned()


def is_unstarted(made: Any) -> bool:
    """Whether nobody has driven a coroutine, a generator or an async generator so far."""
    if type(made) is CoroutineType:
        return inspect.getcoroutinestate(made) == inspect.CORO_CREATED
    if type(made) is GeneratorType:
        return inspect.getgeneratorstate(made) == inspect.GEN_CREATED
    frame = made.ag_frame
    if frame is None or made.ag_running:
        return False
    suspended: bool | None = getattr(made, "ag_suspended", None)
    if suspended is not None:
        return not suspended
    # Before Python 3.12 it does not say: it stands before its first instruction, or at the one that made it.
    return bool(frame.f_lasti < 0 or frame.f_code.co_code[frame.f_lasti] == _RETURN_GENERATOR)


def _is_closed(stand_in: Any) -> bool:
    if type(stand_in) is CoroutineType:
        return inspect.getcoroutinestate(stand_in) == inspect.CORO_CLOSED
    if type(stand_in) is GeneratorType:
        return inspect.getgeneratorstate(stand_in) == inspect.GEN_CLOSED
    return getattr(stand_in, "ag_frame", None) is None
