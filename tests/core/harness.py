"""A policy in one line, and a machine with what a circuit adds to it: a clock, and a count of successes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from otel_breaker.core.machine import Machine
from otel_breaker.core.policy import Policy
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, Rule, SlowCallRate
from otel_breaker.core.states import CircuitState, Outcome
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otel_breaker.core.permits import Permit
    from otel_breaker.core.rules import Counts
    from otel_breaker.core.transition import Transition

reproducible = settings(derandomize=True, deadline=None)
"""Property-based tests that try the same examples every time."""

RECOVERY = 60.0
PROBE_TIMEOUT = 20.0
SLOW = 2.0
MIDDLE = 0.5
"""The random number without an effect of jitter."""


def policy(
    *rules: Rule,
    calls: int | None = None,
    seconds: float | None = None,
    slow: float | None = None,
    probes: int = 1,
    backoff: float = 1.0,
    longest: float = 600.0,
    jitter: float = 0.0,
) -> Policy:
    return Policy(
        rules=rules or (ConsecutiveFailures(1),),
        window_calls=calls,
        window_seconds=seconds,
        slow_call_duration=slow,
        recovery_time=RECOVERY,
        recovery_backoff=backoff,
        recovery_time_max=longest,
        recovery_jitter=jitter,
        half_open_calls=probes,
        probe_timeout=PROBE_TIMEOUT,
    )


FAILING = policy(FailureRate(0.5, 4), calls=10)
SLOWING = policy(SlowCallRate(0.5, 4), calls=10, slow=SLOW)


class Harness:
    """A machine with a fake clock and a count of successes."""

    def __init__(self, numbers: Policy) -> None:
        self.clock = FakeClock()
        self.successes = 0
        self.machine = Machine(numbers, lambda: self.successes)

    @property
    def state(self) -> CircuitState:
        return self.machine.state

    @property
    def standing_permit(self) -> Permit | None:
        period = self.machine.period
        return period.shared_permit if period is not None and period.has_no_history else None

    @property
    def counts(self) -> Counts:
        return self.machine.counts(self.clock())

    def admit(self, owner: Hashable = None, *, exclusive: bool = False) -> Permit:
        permit = self.machine.admit(self.clock(), owner, exclusive=exclusive)
        assert permit is not None
        return permit

    def refuses(self, owner: Hashable = None) -> bool:
        return self.machine.admit(self.clock(), owner) is None

    def record_outcome(
        self, permit: Permit, outcome: Outcome, *, retry_after: float | None = None
    ) -> Transition | None:
        self.successes += outcome is Outcome.SUCCESS
        return self.machine.record_outcome(permit, outcome, self.clock(), MIDDLE, retry_after)

    def call(self, outcome: Outcome, *, lasts: float = 0.0, times: int = 1) -> Transition | None:
        transition = None
        for _ in range(times):
            permit = self.admit()
            self.clock.advance(lasts)
            transition = self.record_outcome(permit, outcome)
        return transition

    def sweep(self) -> Transition | None:
        return self.machine.sweep(self.clock(), MIDDLE)

    def expire(self) -> Transition | None:
        return self.machine.expire(self.clock(), MIDDLE)

    def cool_down(self) -> Transition | None:
        return self.machine.cool_down(self.clock())

    def open(self) -> None:
        self.record_outcome(self.admit(), Outcome.FAILURE)
        assert self.state is CircuitState.OPEN

    def half_open(self) -> None:
        if self.state is not CircuitState.OPEN:
            self.open()
        assert self.machine.retry_at is not None
        self.clock.now = self.machine.retry_at
        self.cool_down()
        assert self.state is CircuitState.HALF_OPEN
