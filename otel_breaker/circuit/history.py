"""What a circuit has to tell: its counts, the current episode, the last failure, and each move as it happens.

Written under the circuit's lock; what is announced is delivered after it (changes.py). Deciding is not done here.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_breaker.circuit.changes import ChangeDispatcher, Listener, PendingChange, StateChange
from otel_breaker.core.counters import CallCounter, CircuitCounters
from otel_breaker.core.states import (
    CLOSED,
    FORCED_CLOSED,
    FORCED_OPEN,
    HALF_OPEN,
    OPEN,
    REJECTED,
    CircuitState,
    Outcome,
    Reason,
)
from otel_breaker.errors import CircuitOpenError
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_breaker.core.machine import Transition
    from otel_breaker.settings import Mode

_MOST_ERROR_TYPES: Final = 10
_MOST_FAILURES: Final = 256
_REFUSING = (OPEN, FORCED_OPEN)
_PASSING = (CLOSED, FORCED_CLOSED)


class Episode:
    """One outage: from the first opening, through failed recoveries, to the recovery."""

    __slots__ = (
        "_refusals",
        "count_refusal",
        "failed_recoveries",
        "id",
        "opened_at",
        "opened_time",
        "probes",
        "second",
        "span_context",
        "told",
    )

    def __init__(self, opened_at: float) -> None:
        self.id = os.urandom(8).hex()
        """Globally unique."""
        self.opened_at = opened_at
        """On the circuit's clock."""
        self.opened_time = time.time()
        """Seconds since the epoch."""
        self.span_context: object = None
        """The span context of the call that last opened the circuit: the trip, or the probe that failed."""
        self._refusals = CallCounter()
        self.count_refusal = self._refusals.add
        self.probes = 0
        self.failed_recoveries = 0
        self.second = 0
        self.told = 0
        """How many refusals had a span of their own in that second."""

    @property
    def rejected(self) -> int:
        """The calls refused so far; read under the circuit's lock."""
        return self._refusals.total()


class CircuitHistory:
    """The story of one circuit so far."""

    __slots__ = (
        "_count_rejected",
        "_counted",
        "actor",
        "add_evidence",
        "counters",
        "dispatcher",
        "episode",
        "failure_span_context",
        "key",
        "last_change_time",
        "last_failure_time",
        "last_failure_type",
        "name",
        "reason",
    )

    def __init__(self, name: str, key: str | None, now: float, listeners: Iterable[Listener]) -> None:
        self.name = name
        self.key = key
        self.counters = CircuitCounters(now)
        self._count_rejected = self.counters.calls[REJECTED].add
        self.dispatcher = ChangeDispatcher(listeners)
        self.episode: Episode | None = None
        self.actor: str | None = None
        self.reason: str | None = None
        self.last_change_time = time.time()
        self.last_failure_time: float | None = None
        self.failure_span_context: object = None
        """The span context of the last failed call that is sampled."""
        self._counted: deque[str] = deque(maxlen=_MOST_FAILURES)
        """What failed of the calls whose failure was counted against the circuit."""
        self.add_evidence: Callable[[str], None] = self._counted.append
        """Keep what a failure was that is held against the circuit: it may become the evidence of an opening."""
        self.last_failure_type: str | None = None

    def note_failure(self, failure: str, origin: object) -> None:
        """Keep what a failure was, whether it is held against the circuit or not.

        Args:
            failure: its type's name, or what its block called it.
            origin: the span context of the call.
        """
        self.last_failure_type = failure
        self.last_failure_time = time.time()
        if origin is not None:
            self.failure_span_context = origin

    def make_refusal(self, state: CircuitState, retry_after: float | None) -> CircuitOpenError:
        """Count a refusal, and make what the caller gets; needs no lock."""
        self._count_rejected()
        episode, failure = self.episode, self.last_failure_type
        if episode is None:
            return CircuitOpenError(
                self.name, self.key, state.value, retry_after, None, failure, self.last_failure_time
            )
        episode.count_refusal()
        return CircuitOpenError(
            self.name, self.key, state.value, retry_after, episode.id, failure, self.last_failure_time
        )

    def count_probe(self) -> None:
        if self.episode is not None:
            self.episode.probes += 1

    def record_probe_outcome(self, outcome: Outcome) -> None:
        self.counters.probes[outcome.value] += 1

    def record_state_change(
        self,
        transition: Transition,
        mode: Mode,
        origin: object,
        *,
        complete: bool,
        actor: str | None = None,
        manual_reason: str | None = None,
    ) -> PendingChange:
        """Keep a move, and queue it for the listeners.

        Args:
            transition: what moved.
            mode: the breaker's mode.
            origin: the span context of the call that caused it, as far as it is known.
            complete: whether the origin is known; else the listeners wait for it.
            actor: who moved it by hand.
            manual_reason: why somebody moved it by hand.
        """
        self.counters.record_state_change(transition.source, transition.target, mode.value, transition.at)
        self.last_change_time = time.time()
        self.actor, self.reason = actor, manual_reason
        if transition.reason is Reason.PROBE_TIMEOUT:
            self.counters.probes["timeout"] += 1
        episode = self._follow(transition, origin)
        opens, ends = transition.target in _REFUSING, transition.target in _PASSING and episode is not None
        change = StateChange(
            name=self.name,
            key=self.key,
            from_state=transition.source,
            to_state=transition.target,
            reason=transition.reason,
            mode=mode,
            episode=episode.id if episode is not None else None,
            timestamp=self.last_change_time,
            counts=transition.counts,
            threshold=transition.threshold,
            error_types=self._error_types(transition) if opens else (),
            open_time=transition.open_time,
            failed_recoveries=episode.failed_recoveries if episode is not None else 0,
            open_duration=transition.at - episode.opened_at if episode is not None and ends else None,
            rejected_calls=episode.rejected if episode is not None and ends else None,
            probes=episode.probes if episode is not None and ends else None,
            span_context=origin,
            culprit=transition.culprit.span_context if transition.culprit is not None else None,
            actor=actor,
            manual_reason=manual_reason,
        )
        return self.dispatcher.enqueue(change, complete=complete)

    def attach_span_context(self, notices: Sequence[PendingChange], origin: object) -> None:
        """Learn, after the decision, which span the call that brought moves about has."""
        self.dispatcher.complete(notices, origin)
        episode = self.episode
        if origin is not None and episode is not None and any(n.change.to_state in _REFUSING for n in notices):
            episode.span_context = origin

    def _error_types(self, transition: Transition) -> tuple[str, ...]:
        """What failed of the calls that an opening is judged by, never more of them than the evidence tells of."""
        first = max(0, len(self._counted) - _failures_judged(transition))
        errors: Counter[str] = Counter()
        for name in islice(self._counted, first, None):
            errors[name if name in errors or len(errors) < _MOST_ERROR_TYPES else OTHER] += 1
        return tuple(f"{name}={count}" for name, count in errors.most_common())

    def _follow(self, transition: Transition, origin: object) -> Episode | None:
        """The episode that a move belongs to; a move back to passing calls ends it."""
        if self.episode is None and transition.target in _REFUSING:
            self.episode = Episode(transition.at)
        episode = self.episode
        if episode is not None and transition.target in _REFUSING:
            culprit = transition.culprit
            episode.span_context = culprit.span_context if culprit is not None else origin
            episode.failed_recoveries += transition.source is HALF_OPEN
        if transition.target in _PASSING:
            self.episode = None
        return episode


def _failures_judged(transition: Transition) -> int:
    """How many failures brought an opening about: the last ones that were counted."""
    if transition.reason is Reason.FAILURE_THRESHOLD:
        return transition.counts.consecutive_failures
    if transition.reason in (Reason.FAILURE_RATE, Reason.SLOW_CALL_RATE):
        return transition.counts.window_failures
    return 1 if transition.reason is Reason.PROBE_FAILED else 0
