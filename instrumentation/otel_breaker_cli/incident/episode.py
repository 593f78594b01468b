"""One outage of one circuit, with its state changes, probes and calls, as frozen records.

Nothing here reads or prints. States, reasons and outcomes are text, since the files may hold any. Times are nanoseconds
since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_breaker.core.states import CircuitState, Outcome, Reason, RejectionReason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.otlp import Attributes

EPISODE_STATES: Final = (CircuitState.OPEN.value, CircuitState.HALF_OPEN.value, CircuitState.FORCED_OPEN.value)
"""The states of a circuit during an episode: all calls are refused, or all but the probes."""

SpanIds: TypeAlias = tuple[str, str]
"""Trace id and span id."""


@dataclass(frozen=True)
class RecordedCall:
    """A guarded call whose span is in the files."""

    trace_id: str
    span_id: str
    start: int
    seconds: float
    state: str
    """At admission."""
    outcome: str
    error_type: str
    """Empty when the caller saw no error."""
    linked_span: SpanIds | None = None
    """What its span links to: for a refusal, the call that opened the circuit."""
    rejection_reason: str = ""
    """Why it was refused; empty when it was not, or the files do not hold it."""

    @property
    def is_over_limit(self) -> bool:
        """Whether the limit of calls in flight refused it."""
        is_limit = self.rejection_reason == RejectionReason.CONCURRENCY_LIMIT.value
        return is_limit and self.outcome == Outcome.REJECTED.value


@dataclass(frozen=True)
class RecordedRefusals:
    """Refused calls whose spans are in the files."""

    reasons: Mapping[str, int]
    """How many there are of each reason."""
    samples: tuple[RecordedCall, ...]
    """A few of them."""
    first: int
    """When the first was refused; 0 without any."""
    last: int

    @property
    def spans(self) -> int:
        return sum(self.reasons.values())


@dataclass(frozen=True)
class RecordedStateChange:
    """One state change of a circuit."""

    time: int
    from_state: str
    to_state: str
    reason: str
    """Empty when the files hold only the attribute of a span, without its event."""
    episode: str
    """Empty for a state change outside of episodes."""
    mode: str
    """Empty when the files do not hold it."""
    trace_id: str
    """Of the call that caused it; empty when no call did, or none that was sampled."""
    span_id: str
    evidence: Attributes
    message: str = ""
    """The body of the log event, which alone has the actor and the reason of a manual state change."""
    call: RecordedCall | None = None
    """The call that caused it, when its span is in the files."""
    hanging_call: SpanIds | None = None
    """The call that hangs, where another call's admission tripped the circuit because of it."""


@dataclass(frozen=True)
class RecordedProbe:
    """A call that was admitted while the circuit was half-open."""

    time: int
    outcome: str
    """A call's outcome, or `timeout`."""
    error_type: str = ""
    seconds: float | None = None
    """The duration of the call; None when its span is not in the files."""
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True)
class IncidentEpisode:
    """One outage of one circuit: from an opening, through failed recoveries, to the recovery."""

    id: str
    mode: str
    state_changes: tuple[RecordedStateChange, ...]
    """In order of time; incomplete where telemetry was sampled."""
    first_seen: int
    last_seen: int
    """The time of the last record that belongs to the episode."""
    refusals: RecordedRefusals
    shadow_outcomes: Mapping[str, int]
    """Calls that only shadow mode admitted, by their outcome."""
    probes: tuple[RecordedProbe, ...]
    """In order of time; of very many, the first and the last."""
    probe_outcomes: Mapping[str, int]
    linked_cause: SpanIds | None
    """What the first refused call or probe links to: the call that opened the circuit last."""

    @property
    def is_shadow(self) -> bool:
        """Whether the circuit was in shadow mode, so that no call was refused."""
        return self.mode == Mode.SHADOW.value

    @property
    def opening(self) -> RecordedStateChange | None:
        """The state change that began it; None when it is not in the files."""
        first = self.state_changes[0] if self.state_changes else None
        return first if first is not None and first.from_state not in EPISODE_STATES else None

    @property
    def closing(self) -> RecordedStateChange | None:
        """The state change that ended it; None when it has not ended, or the end is not in the files."""
        last = self.state_changes[-1] if self.state_changes else None
        return last if last is not None and last.to_state not in EPISODE_STATES else None

    @property
    def start(self) -> int:
        return self.opening.time if self.opening else self.first_seen

    @property
    def end(self) -> int | None:
        return self.closing.time if self.closing else None

    @property
    def seconds(self) -> float:
        """Its duration; until the last record when its end is not in the files."""
        recorded = self.closing.evidence.get(names.OPEN_DURATION) if self.closing else None
        return float(recorded) if recorded is not None else ((self.end or self.last_seen) - self.start) / 1e9

    @property
    def relapses(self) -> int:
        """How many recoveries failed."""
        relapse = (CircuitState.HALF_OPEN.value, CircuitState.OPEN.value)
        return sum((change.from_state, change.to_state) == relapse for change in self.state_changes)

    @property
    def counted_refusals(self) -> int | None:
        """Refused calls as the circuit itself counted them when it closed."""
        recorded = self.closing.evidence.get(names.OPEN_REJECTED_CALLS) if self.closing else None
        return None if recorded is None else int(recorded)

    @property
    def tripping_call(self) -> SpanIds | None:
        """The call that tripped the circuit; None when no record identifies it."""
        opening = self.opening
        if opening is not None and opening.hanging_call is not None:
            return opening.hanging_call
        if opening is not None and opening.span_id:
            return opening.trace_id, opening.span_id
        # A refused call links to the call that opened the circuit last: the trip, unless that was a failed probe.
        half_open = CircuitState.HALF_OPEN.value
        relapses = {
            (change.trace_id, change.span_id) for change in self.state_changes if change.from_state == half_open
        }
        return None if self.linked_cause in relapses else self.linked_cause

    @property
    def is_opened_manually(self) -> bool:
        return self.opening is not None and self.opening.reason == Reason.MANUAL.value
