"""Fast path: after each locked decision a circuit publishes what callers may do without its lock, and until when.

A caller that uses it at the moment of a transition is served as if it had come just before. Nothing here changes a
circuit's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.circuit.places import held_by
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.core.states import CLOSED, OPEN
from otel_breaker.core.windows import NEVER

if TYPE_CHECKING:
    from otel_breaker.circuit.history import CircuitHistory
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.core.closed import Closed
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.permits import Permit
    from otel_breaker.errors import CircuitOpenError


class FastPath:
    """What callers of one circuit may do without its lock; guards read the attributes themselves.

    `shared_permit` admits a call without reading the clock. `standing_permit` is the same permit while even a success
    has no effect but its count: a caller that finds its own permit there only advances `successes`. Where calls are
    timed, `timed_period` replaces both; until `quiet_until`, its calls only enter and leave `in_flight`. Where a limit
    counts calls in flight, `limited_period` replaces all three, and its calls enter and leave the limit, too.

    Args:
        clock: monotonic seconds.
        history: counts successes and makes refusals.
    """

    __slots__ = (
        "_history",
        "_refuses_until",
        "clock",
        "limit",
        "limited_period",
        "may_admit",
        "may_refuse",
        "quiet_until",
        "shared_permit",
        "standing_permit",
        "successes",
        "timed_period",
    )

    def __init__(self, clock: Clock, history: CircuitHistory) -> None:
        self.shared_permit: Permit | None
        self.standing_permit: Permit | None
        self.timed_period: Closed | None
        self.limited_period: Closed | None
        self.limit: ConcurrencyLimit | None = None
        """The limit of calls in flight, where the settings have one."""
        self.clock = clock
        self.successes = history.counters.calls.successes
        self._history = history
        self.may_admit = self.may_refuse = False
        """Whether the settings allow admissions and refusals without the lock."""
        self.withdraw()

    def try_admit(self, holder: object) -> Permit | CircuitOpenError | None:
        """A permit of the call's own, or the refusal of the limit; None when the circuit has to decide.

        Args:
            holder: what ends the call; None when its outcome is recorded by hand.
        """
        period, limit = self.timed_period, None
        if period is None:
            period, limit = self.limited_period, self.limit
            if period is None or holder is None:
                return None
        now = self.clock()
        if now >= self.quiet_until:
            return None
        permit = period.admit_quietly(now)
        if limit is None or limit.enter(permit, held_by(holder, permit, limit)):
            return permit
        period.leave(permit)
        return self.refuse_over_limit(limit, now)

    def refuse_over_limit(self, limit: ConcurrencyLimit, now: float) -> CircuitOpenError | None:
        """The refusal of a closed circuit whose limit is reached; None when places have been taken back."""
        if limit.take_back_expired(now):
            return None
        limit.note_refusal()
        return self._history.make_limit_refusal(CLOSED, limit.limit)

    def try_refuse(self) -> CircuitOpenError | None:
        """The refusal of an open circuit; None when the circuit has to decide."""
        clock = self.clock  # read first: `self.clock()` would look for a method
        retry_after = self._refuses_until - clock()
        return self._history.make_refusal(OPEN, retry_after) if retry_after > 0 else None

    def try_record_success(self, permit: Permit) -> bool:
        """Count a success that has no other effect; False when the circuit has to record it."""
        if self.quiet_until == NEVER:  # cheaper than reading the clock
            return False
        now = self.clock()
        if now >= self.quiet_until:
            return False
        shared = self.shared_permit
        if shared is not None:
            if permit.generation != shared.generation:
                return False
        elif (period := self.timed_period or self.limited_period) is None or not period.succeed_quietly(permit, now):
            return False
        if self.limit is not None:
            self.limit.leave(permit)
        next(self.successes)
        return True

    def withdraw(self) -> None:
        """Send every caller to the lock until `publish`; under the lock, before each change.

        An interrupt may come at any call, `publish` itself included: then all decisions take the lock, and the next
        one publishes.
        """
        self.shared_permit = self.standing_permit = self.timed_period = self.limited_period = None
        self.quiet_until = self._refuses_until = NEVER

    def withdraw_standing_permit(self) -> None:
        """Send every success to the lock, while calls are still admitted by the shared permit; under the lock."""
        self.standing_permit, self.quiet_until = None, NEVER

    def publish(self, machine: Machine) -> None:
        """Publish what is allowed now; under the lock."""
        self.withdraw()
        period = machine.period
        if period is None:
            if machine.retry_at is not None and self.may_refuse and RUNTIME.allows_fast_path:
                self._refuses_until = machine.retry_at
        elif self.may_admit and RUNTIME.allows_fast_path:
            self.publish_period(period)

    def publish_period(self, period: Closed) -> None:
        """Publish for a closed circuit whose settings and runtime allow it; under the lock."""
        if not period.is_shared:
            self._publish_timed(period)
        elif period.streak:  # each counted failure comes here: the code below has the same result in more steps
            self.shared_permit, self.standing_permit, self.quiet_until = period.shared_permit, None, NEVER
        else:
            self.shared_permit, self.quiet_until = period.shared_permit, period.quiet_until
            self.standing_permit = period.shared_permit if period.has_no_history else None

    def _publish_timed(self, period: Closed) -> None:
        limit = self.limit
        if limit is None:
            self.timed_period, self.quiet_until = period, period.quiet_until
        else:
            period.record_from(limit.slow_after)
            self.limited_period, self.quiet_until = period, min(period.quiet_until, limit.quiet_until)
