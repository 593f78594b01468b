"""One outage of one circuit, with its moves, probes and calls, as plain records.

Nothing here reads or prints. All times are nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CircuitState, Reason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.otlp import Attributes

SHADOW: Final = Mode.SHADOW.value
CLOSED: Final = CircuitState.CLOSED.value
OPEN: Final = CircuitState.OPEN.value
HALF_OPEN: Final = CircuitState.HALF_OPEN.value
REFUSING: Final = (OPEN, HALF_OPEN, CircuitState.FORCED_OPEN.value)
"""The states in which calls are refused, all of them or all but the probes."""


@dataclass(frozen=True)
class RecordedCall:
    """A guarded call whose span was found."""

    trace_id: str
    span_id: str
    start: int
    seconds: float
    state: str
    """At admission."""
    outcome: str
    error_type: str
    """Empty when the caller saw no error."""
    linked_span: tuple[str, str] | None = None
    """Trace and span of what its span links to: for a refusal, the call that opened the circuit."""


@dataclass(frozen=True)
class RecordedStateChange:
    """One change of state."""

    time: int
    from_state: str
    to_state: str
    reason: str
    """Empty when only the attribute of a span tells of the move."""
    episode: str
    """Empty for a move that belongs to none."""
    mode: str
    """Empty when it is not said."""
    trace_id: str
    """Of the call that caused it; empty when there was none, or none that was sampled."""
    span_id: str
    evidence: Attributes
    message: str = ""
    """What the log event says in words, which for a move by hand is who and why."""
    call: RecordedCall | None = None
    """The call that caused it, when its span is in the files."""
    hanging_call: tuple[str, str] | None = None
    """Trace and span of the call that hung, where the one that caused the move only noticed."""


@dataclass(frozen=True)
class RecordedProbe:
    """One call that was let through to find out, and how it ended."""

    time: int
    outcome: str
    """A call's outcome, or `timeout`."""
    error_type: str = ""
    seconds: float | None = None
    """How long it took; None when its span is not in the files."""
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True)
class IncidentEpisode:
    """One outage of one circuit: from an opening, through failed recoveries, to the recovery."""

    id: str
    mode: str
    state_changes: tuple[RecordedStateChange, ...]
    """In order of time; possibly with gaps, where telemetry was sampled."""
    first_seen: int
    last_seen: int
    """Of anything that belongs to it."""
    refusal_spans: int
    """Spans of refused calls in the files."""
    sample_refusals: tuple[RecordedCall, ...]
    """A few of them."""
    shadow_outcomes: Mapping[str, int]
    """Calls that only shadow mode let pass, by what they then did."""
    probes: tuple[RecordedProbe, ...]
    """In order of time; of very many, the first and the last."""
    probe_outcomes: Mapping[str, int]
    linked_cause: tuple[str, str] | None
    """Trace and span of what the first refused call or probe links to: the call that had last opened the circuit."""

    @property
    def is_shadow(self) -> bool:
        """Whether no call was refused: the circuit was only watched."""
        return self.mode == SHADOW

    @property
    def opening(self) -> RecordedStateChange | None:
        """The move that began it; None when it is not in the files."""
        first = self.state_changes[0] if self.state_changes else None
        return first if first is not None and first.from_state not in REFUSING else None

    @property
    def closing(self) -> RecordedStateChange | None:
        """The move that ended it; None when it had not ended, or the end is not in the files."""
        last = self.state_changes[-1] if self.state_changes else None
        return last if last is not None and last.to_state not in REFUSING else None

    @property
    def start(self) -> int:
        return self.opening.time if self.opening else self.first_seen

    @property
    def end(self) -> int | None:
        return self.closing.time if self.closing else None

    @property
    def seconds(self) -> float:
        """How long it lasted; so far, when its end is not in the files."""
        said = self.closing.evidence.get(names.OPEN_DURATION) if self.closing else None
        return float(said) if said is not None else ((self.end or self.last_seen) - self.start) / 1e9

    @property
    def relapses(self) -> int:
        """How often recovery failed."""
        return sum(move.from_state == HALF_OPEN and move.to_state == OPEN for move in self.state_changes)

    @property
    def counted_refusals(self) -> int | None:
        """Refused calls as the circuit itself counted them when it closed."""
        said = self.closing.evidence.get(names.OPEN_REJECTED_CALLS) if self.closing else None
        return None if said is None else int(said)

    @property
    def tripping_call(self) -> tuple[str, str] | None:
        """Trace and span of the request that tripped the circuit, as far as anything in the files names it."""
        opening = self.opening
        if opening is not None and opening.hanging_call is not None:
            return opening.hanging_call
        if opening is not None and opening.span_id:
            return opening.trace_id, opening.span_id
        # What refused calls link to last opened the circuit: the trip, unless that was a probe that failed.
        relapses = {(move.trace_id, move.span_id) for move in self.state_changes if move.from_state == HALF_OPEN}
        return None if self.linked_cause in relapses else self.linked_cause

    @property
    def is_tripped_manually(self) -> bool:
        return self.opening is not None and self.opening.reason == Reason.MANUAL.value
