"""What may be decided about a call without the circuit's lock: as long as nothing but a count can come of it.

A circuit publishes here, under its lock, how long which decision is plain; whoever acts on it at the very moment of a
move was there just before. Nothing here moves a circuit.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.circuit.runtime import RUNTIME
from otel_breaker.core.machine import Machine
from otel_breaker.core.states import OPEN, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_breaker.circuit.changes import Listener
    from otel_breaker.circuit.runtime import Clock
    from otel_breaker.core.closed import Closed
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.policy import Policy
    from otel_breaker.errors import CircuitOpenError


class FastPath:
    """The part of a circuit that hot paths read.

    `shared_permit` admits whoever takes it, without a look at the clock. `standing_permit` is the same one while not
    even a success needs to be told: whoever still sees its own there only calls `count_success`. Where each call is
    timed, `timed_period` stands in for them; until `quiet_until`, its calls only enter and leave `in_flight`.
    """

    __slots__ = (
        "_admits_plainly",
        "_machine",
        "_refuses_plainly",
        "_refuses_until",
        "clock",
        "count_success",
        "history",
        "quiet_until",
        "shared_permit",
        "standing_permit",
        "timed_period",
    )

    def __init__(self, name: str, key: str | None, policy: Policy, listeners: Iterable[Listener], clock: Clock) -> None:
        now = clock()
        self.shared_permit: Permit | None
        self.standing_permit: Permit | None
        self.timed_period: Closed | None
        self.clock = clock
        self.history = CircuitHistory(name, key, now, listeners)
        successes = self.history.counters.calls[SUCCESS]
        self.count_success = successes.add
        self._machine = Machine(policy, now, successes.total)
        self._admits_plainly = self._refuses_plainly = False
        """Whether nothing that the settings ask for is in the way."""
        self._publish()

    def try_admit(self) -> Permit | None:
        """A permit of the call's own, where calls are timed; None when the circuit has to be asked."""
        period = self.timed_period
        if period is None:
            return None
        now = self.clock()
        if now >= self.quiet_until:
            return None
        return period.admit_quietly(now)

    def try_refuse(self) -> CircuitOpenError | None:
        """The refusal of a circuit that is plainly open; None when it has to be asked."""
        retry_after = self._refuses_until - self.clock()
        return self.history.make_refusal(OPEN, retry_after) if retry_after > 0 else None

    def try_record_success(self, permit: Permit) -> bool:
        """Count a success that changes nothing else; False when it has to be settled."""
        if self.quiet_until == -inf:  # cheaper than a look at the clock
            return False
        now = self.clock()
        if now >= self.quiet_until:
            return False
        if permit is not self.shared_permit:
            period = self.timed_period
            if period is None or not period.succeed_quietly(permit, now):
                return False
        self.count_success()
        return True

    def _withdraw(self) -> None:
        """Let nothing be decided without the lock until `_publish`; under the lock, before anything may move.

        An interrupt may come at any call, `_publish` itself included: then all decisions take the lock, and the next
        one publishes.
        """
        self.shared_permit = self.standing_permit = self.timed_period = None
        self.quiet_until = self._refuses_until = -inf

    def _publish(self) -> None:
        """Say what is plain now, under the lock."""
        self._withdraw()
        machine, period = self._machine, self._machine.period
        if period is None:
            if machine.retry_at is not None and self._refuses_plainly and RUNTIME.allows_fast_path:
                self._refuses_until = machine.retry_at
        elif self._admits_plainly and RUNTIME.allows_fast_path:
            self._publish_period(period)

    def _publish_period(self, period: Closed) -> None:
        if not period.is_shared:
            self.timed_period = period
        elif period.streak:  # failures come here one by one: the rest says so, too, in more steps
            self.shared_permit, self.standing_permit, self.quiet_until = period.standing, None, -inf
            return
        else:
            self.shared_permit = period.standing
            self.standing_permit = period.standing if period.has_no_history else None
        self.quiet_until = period.quiet_until
