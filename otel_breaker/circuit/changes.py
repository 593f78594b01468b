"""Telling listeners that a circuit moved: one record for each move, in order, never under the circuit's lock.

Listeners are user code: what they raise is logged and stops nobody; a slow one delays only the call that delivers.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import MethodType
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_breaker import diagnostics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_breaker.core.rules import Counts
    from otel_breaker.core.states import CircuitState, Reason
    from otel_breaker.settings import Mode


@dataclass(frozen=True)
class StateChange:
    """One move of one circuit, and why."""

    name: str
    key: str | None
    from_state: CircuitState
    to_state: CircuitState
    reason: Reason
    mode: Mode
    episode: str | None
    """Joins everything from one opening to the recovery."""
    timestamp: float
    """Seconds since the epoch."""
    counts: Counts
    """What was known of the calls before it."""
    threshold: float | None = None
    """The threshold that was reached, when a rule tripped the circuit."""
    error_types: tuple[str, ...] = ()
    """What failed of the calls that an opening was judged by, as `type=count`; bounded."""
    open_time: float | None = None
    """Seconds until probing, when the circuit opened."""
    failed_recoveries: int = 0
    """How often probing has failed in this episode."""
    open_duration: float | None = None
    """Seconds since the first opening, when the circuit closed."""
    rejected_calls: int | None = None
    """Calls refused in the episode, when the circuit closed."""
    probes: int | None = None
    """Probes made in the episode, when the circuit closed."""
    span_context: object = None
    """The span context of the call that caused it, where there was one that is sampled."""
    culprit: object = None
    """That of the overdue or lost call, where the call that caused it only noticed."""
    actor: str | None = None
    """Who moved it by hand."""
    manual_reason: str | None = None
    """Why somebody moved it by hand."""


Listener: TypeAlias = Callable[[StateChange], None]
"""A function that is called with each state change, in order, never under a lock."""


class Listeners:
    """Who is told, in the order of joining; a bound method is forgotten with its object."""

    __slots__ = ("_numbers", "_references")

    # Without a lock, each step at one stroke: a handler of a signal may come and go in the middle of an addition.

    def __init__(self) -> None:
        self._numbers = count()
        self._references: dict[int, Callable[[], Listener | None]] = {}

    def __iter__(self) -> Iterator[Listener]:
        return (listener for _, listener in self._living())

    def add(self, listener: Listener) -> None:
        reference: Callable[[], Listener | None]
        reference = weakref.WeakMethod(listener) if isinstance(listener, MethodType) else lambda: listener
        self._living()  # who is gone leaves nothing behind
        self._references[next(self._numbers)] = reference

    def remove(self, listener: Listener) -> None:
        for number, kept in self._living():
            if kept is listener or kept == listener:
                self._references.pop(number, None)

    def _living(self) -> list[tuple[int, Listener]]:
        living = []
        for number, reference in self._references.copy().items():  # `list` may be interrupted
            listener = reference()
            if listener is not None:
                living.append((number, listener))
            else:
                self._references.pop(number, None)
        return living


class PendingChange:
    """A change that waits for its turn; told only when it is complete."""

    __slots__ = ("change", "complete")

    def __init__(self, change: StateChange, *, complete: bool) -> None:
        self.change = change
        self.complete = complete


NO_CHANGES: Final[Sequence[PendingChange]] = ()


class ChangeDispatcher:
    """Delivers changes in the order in which they were decided, from whichever thread is there."""

    __slots__ = ("_delivering", "_queue", "listeners")

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.listeners = listeners
        self._queue: deque[PendingChange] = deque()
        self._delivering = threading.RLock()

    def enqueue(self, change: StateChange, *, complete: bool) -> PendingChange:
        """Queue a change; called under the circuit's lock, so that the order is the circuit's."""
        notice = PendingChange(change, complete=complete)
        self._queue.append(notice)
        return notice

    def complete(self, notices: Sequence[PendingChange], origin: object) -> None:
        """Add what was not known when the change was decided: the span of the call that caused it."""
        for notice in notices:
            if not notice.complete:
                if origin is not None:
                    notice.change = replace(notice.change, span_context=origin)
                notice.complete = True

    def complete_before(self, moves: Sequence[PendingChange]) -> None:
        """Give up on what came before a move: whoever was to complete it was interrupted, or is late.

        Under the circuit's lock. Otherwise no later change would ever be told.
        """
        if moves and self._queue and self._queue[0] is not moves[0]:
            for notice in tuple(self._queue):
                if notice is moves[0]:
                    break
                notice.complete = True

    def complete_all(self) -> None:
        """Give up on all that waits, so that it is told as it is."""
        for notice in tuple(self._queue):
            notice.complete = True

    def dispatch(self) -> None:
        """Tell the listeners whatever is complete; returns at once when somebody is at it already."""
        while self._is_ready() and not self._delivering._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # what Condition asks
            try:
                if not self._delivering.acquire(blocking=False):
                    return  # whoever delivers looks again before it leaves
                while self._is_ready():
                    self._tell(self._queue.popleft().change)
            finally:
                # Not under a condition: an interrupt may come between taking the lock and knowing that it is ours.
                try:  # noqa: SIM105  # `suppress` is a call, at which another interrupt could come
                    self._delivering.release()
                except RuntimeError:
                    pass

    def _is_ready(self) -> bool:
        try:
            return self._queue[0].complete
        except IndexError:  # asked for, not looked for: somebody else may take it in between
            return False

    def _tell(self, change: StateChange) -> None:
        for listener in tuple(self.listeners):
            try:
                listener(change)
            except BaseException as error:
                if not isinstance(error, _listeners_own()):
                    raise  # an interrupt, for the thread that happens to be here
                diagnostics.exception("a listener of circuit breaker %r raised; the call is not affected", change.name)

    def after_fork(self) -> None:
        """In a forked child: whoever was delivering is gone, and what waits is the parent's to tell."""
        self._delivering = threading.RLock()
        self._queue.clear()


def _listeners_own() -> tuple[type[BaseException], ...]:
    """What nobody but a listener can have raised: asyncio cancels a task where it awaits, not in a plain call."""
    asyncio = sys.modules.get("asyncio")
    return (Exception, GeneratorExit) if asyncio is None else (Exception, GeneratorExit, asyncio.CancelledError)
