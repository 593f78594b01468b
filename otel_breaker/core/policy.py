"""The numbers of one circuit: its rules, its window and its recovery. settings/ reads and validates them."""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker.core.windows import LastCalls, LastSeconds, Window

if TYPE_CHECKING:
    from otel_breaker.core.rules import Rule

_LONGEST: Final = nextafter(inf, 0)
"""Seconds: a wait with jitter stays finite, and so does the time at which it ends."""


class Policy(NamedTuple):
    """All durations are seconds."""

    rules: tuple[Rule, ...]
    window_calls: int | None
    """The calls that the window holds; None when no rule needs a window, or the window is a duration."""
    window_seconds: float | None
    slow_call_duration: float | None
    recovery_time: float
    recovery_backoff: float
    recovery_time_max: float
    recovery_jitter: float
    half_open_calls: int
    probe_timeout: float
    is_limited: bool = False
    """Whether the calls in flight are limited, so that each has a permit of its own."""

    @property
    def needs_clock(self) -> bool:
        """Whether even a successful call needs the time."""
        return self.slow_call_duration is not None or self.window_seconds is not None

    def is_slow(self, started: float | None, now: float) -> bool:
        """Whether a call is slow; False where its start is not known."""
        limit = self.slow_call_duration
        return limit is not None and started is not None and now >= started + limit

    def new_window(self) -> Window | None:
        if self.window_seconds is not None:
            return LastSeconds(self.window_seconds)
        if self.window_calls is not None:
            return LastCalls(self.window_calls)
        return None

    def fit_window(self, old: Window | None) -> Window | None:
        """The window after this policy has replaced another: the old one where it still fits."""
        if isinstance(old, LastCalls) and self.window_calls is not None:
            old.resize(self.window_calls)
            return old
        if isinstance(old, LastSeconds) and self.window_seconds == old.seconds:
            return old
        return self.new_window()

    def open_time(self, previous: float | None, retry_after: float | None, jitter: float) -> tuple[float, float]:
        """Seconds to stay open: the base for the next relapse, and the time with its jitter.

        Args:
            previous: the base of the previous opening, when this is a relapse.
            retry_after: seconds that the failure asked to wait.
            jitter: a random number in [0, 1).
        """
        base = self.recovery_time
        if previous is not None:
            base = max(base, min(previous * self.recovery_backoff, self.recovery_time_max))
        if retry_after is None:
            return base, min(base * (1 + self.recovery_jitter * (2 * jitter - 1)), _LONGEST)
        # A requested wait means "not before": jitter only adds to it.
        requested = min(max(retry_after, 0.0), self.recovery_time_max)
        return base, min(requested * (1 + self.recovery_jitter * jitter), _LONGEST)
