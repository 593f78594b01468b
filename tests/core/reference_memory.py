"""The window of the reference model: a list of calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otel_breaker.core.policy import Policy

BUCKETS = 32


@dataclass(eq=False)
class Call:
    """One admitted call."""

    generation: int | None
    """None when its outcome never counts."""
    started: float | None = None
    """None where its duration does not matter."""
    deadline: float | None = None
    owner: Hashable = None
    counted_at: float | None = None
    failed: bool = False
    slow: bool = False


class Memory:
    """All calls of the window, the oldest first."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._calls: list[Call] = []

    @property
    def is_kept(self) -> bool:
        return self._policy.window_calls is not None or self._policy.window_seconds is not None

    def take(self, call: Call, now: float, *, failed: bool, slow: bool) -> None:
        if self.is_kept:
            call.counted_at, call.failed, call.slow = now, failed, slow
            self._calls.append(call)
            self._forget(now)

    def held(self, now: float) -> list[Call]:
        self._forget(now)
        return self._calls

    def adopt(self, policy: Policy, now: float) -> None:
        old, self._policy = self._policy, policy
        both_count_calls = old.window_calls is not None and policy.window_calls is not None
        same_time = policy.window_seconds is not None and old.window_seconds == policy.window_seconds
        if not both_count_calls and not same_time:
            self._calls = []
        self._forget(now)

    def _forget(self, now: float) -> None:
        if self._policy.window_calls is not None:
            self._calls = self._calls[-self._policy.window_calls :]
        elif self._policy.window_seconds is not None:
            width = self._policy.window_seconds / BUCKETS
            self._calls = [call for call in self._calls if now // width - (call.counted_at or 0) // width < BUCKETS]
