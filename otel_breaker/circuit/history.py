"""The history of one circuit: its counts, the current episode, the last failure, and a record of each state change.

All but refusals is written under the circuit's lock. Nothing here decides, or calls a listener.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_breaker.circuit.dispatcher import ChangeDispatcher
from otel_breaker.circuit.episode import Episode
from otel_breaker.circuit.state_change import StateChange
from otel_breaker.core.counters import PROBE_TIMEOUT, CircuitCounters
from otel_breaker.core.states import (
    CONCURRENCY_LIMIT,
    HALF_OPEN,
    PASSING_STATES,
    REASONS_BY_STATE,
    REFUSING_STATES,
    CircuitState,
    Outcome,
    Reason,
)
from otel_breaker.errors import CircuitOpenError, ConcurrencyLimitError
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.circuit.listeners import Listener
    from otel_breaker.core.transition import Transition
    from otel_breaker.settings import Mode

_MOST_ERROR_TYPES: Final = 10
_MOST_FAILURES: Final = 256


class CircuitHistory:
    """The counts and the past of one circuit."""

    __slots__ = (
        "_evidence",
        "actor",
        "counters",
        "dispatcher",
        "episode",
        "failure_span_context",
        "key",
        "last_change_time",
        "last_failure_time",
        "last_failure_type",
        "listeners",
        "name",
        "reason",
    )

    def __init__(self, name: str, key: str | None, now: float, listeners: Iterable[Listener]) -> None:
        self.name = name
        self.key = key
        self.counters = CircuitCounters(now)
        self.listeners = listeners
        self.dispatcher: ChangeDispatcher | None = None
        """Delivers the state changes, from the first one on."""
        self.episode: Episode | None = None
        self.actor: str | None = None
        self.reason: str | None = None
        self.last_change_time = time.time()
        self.last_failure_time: float | None = None
        self.failure_span_context: object = None
        """The span context of the last failed call that is sampled."""
        self._evidence: deque[str] | None = None
        """The names of the latest failures that were counted, from the first one on."""
        self.last_failure_type: str | None = None

    def record_failure(self, failure: str, span_context: object) -> None:
        """Keep a failure as the last one, whether it was counted or not.

        Args:
            failure: its type's name, or the text that its block passed.
            span_context: that of the call.
        """
        self.last_failure_type = failure
        self.last_failure_time = time.time()
        if span_context is not None:
            self.failure_span_context = span_context

    def add_evidence(self, failure: str) -> None:
        """Keep the name of a failure that was counted, as evidence for an opening."""
        if self._evidence is None:
            self._evidence = deque(maxlen=_MOST_FAILURES)
        self._evidence.append(failure)

    def make_refusal(self, state: CircuitState, retry_after: float | None) -> CircuitOpenError:
        """Count a refusal, and make the error that its caller receives; needs no lock."""
        next(self.counters.calls[REASONS_BY_STATE[state]])
        # `state.value` would run Python code of the enumeration, which takes a seventh of a refusal.
        episode, failure = self.episode, self.last_failure_type
        if episode is None:
            return CircuitOpenError(
                self.name, self.key, state._value_, retry_after, None, failure, self.last_failure_time
            )
        next(episode.refusals)
        return CircuitOpenError(
            self.name, self.key, state._value_, retry_after, episode.id, failure, self.last_failure_time
        )

    def make_limit_refusal(self, state: CircuitState, limit: int) -> ConcurrencyLimitError:
        """Count a refusal by the limit of calls in flight, and make its error; needs no lock."""
        next(self.counters.calls[CONCURRENCY_LIMIT])
        episode, failure = self.episode, self.last_failure_type
        if episode is not None:
            next(episode.refusals)
        identity = None if episode is None else episode.id
        return ConcurrencyLimitError(
            self.name, self.key, state._value_, None, identity, failure, self.last_failure_time, limit
        )

    def count_probe(self) -> None:
        if self.episode is not None:
            self.episode.probes += 1

    def record_probe_outcome(self, outcome: Outcome) -> None:
        self.counters.outages.probes[outcome.value] += 1

    def record_state_change(
        self,
        transition: Transition,
        mode: Mode,
        span_context: object,
        *,
        complete: bool,
        actor: str | None = None,
        manual_reason: str | None = None,
    ) -> PendingChange:
        """Record a transition, and queue its state change for the listeners.

        Args:
            transition: what the machine returned.
            mode: the breaker's mode.
            span_context: that of the call that caused it, as far as it is known.
            complete: whether it is known; else delivery waits for it.
            actor: who changed the state by hand.
            manual_reason: why the state was changed by hand.
        """
        self.counters.record_state_change(transition.source, transition.target, mode.value, transition.at)
        self.last_change_time = time.time()
        self.actor, self.reason = actor, manual_reason
        if transition.reason is Reason.PROBE_TIMEOUT:
            self.counters.outages.probes[PROBE_TIMEOUT] += 1
        episode = self._update_episode(transition, span_context)
        opens, ends = transition.target in REFUSING_STATES, transition.target in PASSING_STATES and episode is not None
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
            span_context=span_context,
            overdue_span_context=transition.overdue.span_context if transition.overdue is not None else None,
            actor=actor,
            manual_reason=manual_reason,
        )
        if self.dispatcher is None:
            self.dispatcher = ChangeDispatcher()
        return self.dispatcher.enqueue(change, complete=complete)

    def complete_before(self, changes: Sequence[PendingChange]) -> None:
        """Complete what waits before some changes as it is; under the circuit's lock."""
        if changes and self.dispatcher is not None:
            self.dispatcher.complete_before(changes)

    def attach_span_context(self, changes: Sequence[PendingChange], span_context: object) -> None:
        """Add the span of the call that caused some changes, which starts after the decision."""
        if self.dispatcher is not None:
            self.dispatcher.complete(changes, span_context)
        episode = self.episode
        if (
            span_context is not None
            and episode is not None
            and any(pending.change.to_state in REFUSING_STATES for pending in changes)
        ):
            episode.span_context = span_context

    def _error_types(self, transition: Transition) -> tuple[str, ...]:
        """The failures that an opening is due to, as `type=count`."""
        evidence = self._evidence or ()
        first = max(0, len(evidence) - _failures_behind(transition))
        errors: Counter[str] = Counter()
        for name in islice(evidence, first, None):
            errors[name if name in errors or len(errors) < _MOST_ERROR_TYPES else OTHER] += 1
        return tuple(f"{name}={count}" for name, count in errors.most_common())

    def _update_episode(self, transition: Transition, span_context: object) -> Episode | None:
        """Begin or end an episode where the transition does; returns the episode that the transition belongs to."""
        if self.episode is None and transition.target in REFUSING_STATES:
            self.episode = Episode(transition.at)
        episode = self.episode
        if episode is not None and transition.target in REFUSING_STATES:
            overdue = transition.overdue
            episode.span_context = overdue.span_context if overdue is not None else span_context
            episode.failed_recoveries += transition.source is HALF_OPEN
        if transition.target in PASSING_STATES:
            self.episode = None
        return episode


def _failures_behind(transition: Transition) -> int:
    """How many of the latest failures an opening is due to."""
    if transition.reason is Reason.FAILURE_THRESHOLD:
        return transition.counts.consecutive_failures
    if transition.reason in (Reason.FAILURE_RATE, Reason.SLOW_CALL_RATE):
        return transition.counts.window_failures
    return 1 if transition.reason is Reason.PROBE_FAILED else 0
