"""The numbers that one circuit lives by: its rules, its window, and how it recovers.

Values only; where they come from and whether they make sense is the business of settings/.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter
from typing import TYPE_CHECKING, Final

from otel_breaker.core.windows import LastCalls, LastSeconds, Window

if TYPE_CHECKING:
    from otel_breaker.core.rules import Rule

_LONGEST: Final = nextafter(inf, 0)
"""Seconds: a wait that is spread stays a number, and so does the time at which it ends."""


@dataclass(frozen=True)
class Policy:
    """All durations are seconds."""

    rules: tuple[Rule, ...]
    window_calls: int | None
    """Remember so many calls; None when no rule needs a window, or the window is one of time."""
    window_seconds: float | None
    slow_call_duration: float | None
    recovery_time: float
    recovery_backoff: float
    recovery_time_max: float
    recovery_jitter: float
    half_open_calls: int
    probe_timeout: float

    @property
    def needs_clock(self) -> bool:
        """Whether a call must be timed even when it succeeds."""
        return self.slow_call_duration is not None or self.window_seconds is not None

    def is_slow(self, started: float | None, now: float) -> bool:
        """Whether a call that began then has taken long; it is not known of one whose start nobody kept."""
        limit = self.slow_call_duration
        return limit is not None and started is not None and now >= started + limit

    def new_window(self) -> Window | None:
        if self.window_seconds is not None:
            return LastSeconds(self.window_seconds)
        if self.window_calls is not None:
            return LastCalls(self.window_calls)
        return None

    def fit_window(self, old: Window | None) -> Window | None:
        """The window to go on with when this policy replaces another: the old one where it still fits."""
        if isinstance(old, LastCalls) and self.window_calls is not None:
            old.resize(self.window_calls)
            return old
        if isinstance(old, LastSeconds) and self.window_seconds == old.seconds:
            return old
        return self.new_window()

    def open_time(self, previous: float | None, retry_after: float | None, jitter: float) -> tuple[float, float]:
        """How long to stay open: the base for the next relapse, and the time with its spread.

        Args:
            previous: the base of the opening before, when this is a relapse.
            retry_after: seconds that the failure itself asked for.
            jitter: a random number in [0, 1).
        """
        base = self.recovery_time
        if previous is not None:
            base = max(base, min(previous * self.recovery_backoff, self.recovery_time_max))
        if retry_after is None:
            return base, min(base * (1 + self.recovery_jitter * (2 * jitter - 1)), _LONGEST)
        # Whoever says when to come back means "not before": spread to the later side only.
        asked = min(max(retry_after, 0.0), self.recovery_time_max)
        return base, min(asked * (1 + self.recovery_jitter * jitter), _LONGEST)
