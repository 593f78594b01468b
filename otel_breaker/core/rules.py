"""When to trip: each rule is a frozen value that looks at counts and says how near they are to its threshold.

A rule neither counts (windows.py) nor moves the circuit (machine.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from otel_breaker.core.states import Reason


class Counts(NamedTuple):
    """What a circuit knows about its recent calls: the evidence of a `StateChange`.

    Attributes:
        consecutive_failures: failures since the last success.
        window_calls: calls in the window of the rates; 0 without one.
        window_failures: those of them that failed.
        window_slow: those of them that were slow.
    """

    consecutive_failures: int
    window_calls: int
    window_failures: int
    window_slow: int


class Rule(Protocol):
    """Says how bad the counts are; a circuit trips when `observed` reaches `threshold`."""

    @property
    def reason(self) -> Reason: ...

    @property
    def threshold(self) -> float: ...

    def observed(self, counts: Counts) -> float: ...


@dataclass(frozen=True)
class ConsecutiveFailures:
    """So many failures without a success between them."""

    threshold: int
    reason: ClassVar[Reason] = Reason.FAILURE_THRESHOLD

    def observed(self, counts: Counts) -> float:
        return counts.consecutive_failures


@dataclass(frozen=True)
class FailureRate:
    """This share of the window's calls failed; not judged below a minimum of calls."""

    threshold: float
    minimum_calls: int
    reason: ClassVar[Reason] = Reason.FAILURE_RATE

    def observed(self, counts: Counts) -> float:
        return _share(counts.window_failures, counts.window_calls, self.minimum_calls)


@dataclass(frozen=True)
class SlowCallRate:
    """This share of the window's calls was slow; not judged below a minimum of calls."""

    threshold: float
    minimum_calls: int
    reason: ClassVar[Reason] = Reason.SLOW_CALL_RATE

    def observed(self, counts: Counts) -> float:
        return _share(counts.window_slow, counts.window_calls, self.minimum_calls)


def _share(part: int, calls: int, minimum_calls: int) -> float:
    return part / calls if calls >= minimum_calls else 0.0
