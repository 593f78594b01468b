"""Rules: each is a frozen value that computes, from counts, the number that it compares with its threshold.

Windows count (windows.py), and the machine changes state (machine.py); a rule does neither.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from otel_breaker.core.states import Reason


class Counts(NamedTuple):
    """The counts of a circuit's recent calls: the evidence of a `StateChange`.

    Attributes:
        consecutive_failures: failures since the last success.
        window_calls: calls in the window of the rates; 0 without a window.
        window_failures: those of them that failed.
        window_slow: those of them that were slow.
    """

    consecutive_failures: int
    window_calls: int
    window_failures: int
    window_slow: int


class Rule(Protocol):
    """A circuit trips when `observed` reaches `threshold`."""

    @property
    def reason(self) -> Reason: ...

    @property
    def threshold(self) -> float: ...

    def observed(self, counts: Counts) -> float: ...


class ConsecutiveFailures(NamedTuple):
    """Failures in a row, without a success between them."""

    threshold: int

    @property
    def reason(self) -> Reason:
        return Reason.FAILURE_THRESHOLD

    def observed(self, counts: Counts) -> float:
        return counts.consecutive_failures


class FailureRate(NamedTuple):
    """The share of the window's calls that failed; 0 below a minimum of calls."""

    threshold: float
    minimum_calls: int

    @property
    def reason(self) -> Reason:
        return Reason.FAILURE_RATE

    def observed(self, counts: Counts) -> float:
        return _share(counts.window_failures, counts.window_calls, self.minimum_calls)


class SlowCallRate(NamedTuple):
    """The share of the window's calls that were slow; 0 below a minimum of calls."""

    threshold: float
    minimum_calls: int

    @property
    def reason(self) -> Reason:
        return Reason.SLOW_CALL_RATE

    def observed(self, counts: Counts) -> float:
        return _share(counts.window_slow, counts.window_calls, self.minimum_calls)


def _share(part: int, calls: int, minimum_calls: int) -> float:
    return part / calls if calls >= minimum_calls else 0.0
