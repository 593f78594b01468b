"""Delivery of state changes to listeners: each once, in order, never under the circuit's lock.

Listeners are user code. What they raise is logged and affects no other listener; a slow one delays only the call that
delivers.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from otel_breaker import diagnostics
from otel_breaker.circuit.changes import PendingChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_breaker.circuit.listeners import Listener
    from otel_breaker.circuit.state_change import StateChange


class Observed(Protocol):
    """What has listeners."""

    listeners: Iterable[Listener]


class ChangeDispatcher:
    """Delivers changes in the order in which they were decided, in whichever thread calls `dispatch`."""

    __slots__ = ("_delivering", "queue")

    def __init__(self) -> None:
        self.queue: deque[PendingChange] = deque()
        self._delivering = threading.RLock()

    def enqueue(self, change: StateChange, *, complete: bool) -> PendingChange:
        """Queue a change; under the circuit's lock, so that the queue has the circuit's order."""
        pending = PendingChange(change, is_complete=complete)
        self.queue.append(pending)
        return pending

    def complete(self, changes: Sequence[PendingChange], span_context: object) -> None:
        """Add what was unknown when the changes were decided: the span of the call that caused them."""
        for pending in changes:
            if not pending.is_complete:
                if span_context is not None:
                    pending.change = replace(pending.change, span_context=span_context)
                pending.is_complete = True

    def complete_before(self, changes: Sequence[PendingChange]) -> None:
        """Complete what waits before some changes as it is; under the circuit's lock.

        The call that was to complete it was interrupted, or is late. Otherwise no later change would be delivered.
        """
        if self.queue and self.queue[0] is not changes[0]:
            for pending in tuple(self.queue):
                if pending is changes[0]:
                    break
                pending.is_complete = True

    def complete_all(self) -> None:
        """Complete all that waits as it is, so that it is delivered."""
        for pending in tuple(self.queue):
            pending.is_complete = True

    def dispatch(self, circuit: Observed) -> None:
        """Deliver what is complete; returns at once while this or another thread delivers.

        Args:
            circuit: has the listeners, which may change meanwhile.
        """
        while self._is_ready() and not self._delivering._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # what Condition uses
            try:
                if not self._delivering.acquire(blocking=False):
                    return  # the thread that delivers looks at the queue again before it leaves
                while self._is_ready():
                    _deliver(self.queue.popleft().change, circuit.listeners)
            finally:
                # Not under a condition: an interrupt may come between acquiring the lock and knowing that it is ours.
                try:  # noqa: SIM105  # `suppress` is a call, at which another interrupt may come
                    self._delivering.release()
                except RuntimeError:
                    pass

    def _is_ready(self) -> bool:
        try:
            return self.queue[0].is_complete
        except IndexError:  # not checked before: another thread may take the last one in between
            return False

    def after_fork(self) -> None:
        """In a forked child: the thread that delivered is gone, and the parent delivers what waits."""
        self._delivering = threading.RLock()
        self.queue.clear()


def _deliver(change: StateChange, listeners: Iterable[Listener]) -> None:
    for listener in tuple(listeners):
        try:
            listener(change)
        except BaseException as error:
            if not isinstance(error, _errors_of_listeners()):
                raise  # an interrupt, for this thread rather than for the listener
            diagnostics.exception("a listener of circuit breaker %r raised; the call is not affected", change.name)


def _errors_of_listeners() -> tuple[type[BaseException], ...]:
    """What only a listener can have raised: asyncio cancels a task where it awaits, not in a function call."""
    asyncio = sys.modules.get("asyncio")
    return (Exception, GeneratorExit) if asyncio is None else (Exception, GeneratorExit, asyncio.CancelledError)
