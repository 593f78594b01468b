"""What may be decided about a call without the circuit's lock: as long as nothing but a count can come of it.

A circuit publishes here, under its lock, how long which decision is plain; whoever acts on it at the very moment of a
move was there just before. Nothing here moves a circuit.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from otel_breaker.circuit.record import Record
from otel_breaker.core.machine import Machine
from otel_breaker.core.states import CircuitState, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_breaker.circuit.changes import Listener
    from otel_breaker.circuit.world import Clock
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.policy import Policy
    from otel_breaker.errors import CircuitOpenError


class LockFree:
    """The part of a circuit that hot paths read.

    `shared_permit` admits whoever takes it, without a look at the clock. `standing_permit` is the same one while not
    even a success needs to be told: whoever still sees its own there only calls `count_success`.
    """

    __slots__ = (
        "_clock",
        "_machine",
        "_period",
        "_quiet_until",
        "_refuses_until",
        "count_success",
        "record",
        "shared_permit",
        "standing_permit",
    )

    def __init__(self, name: str, key: str | None, policy: Policy, listeners: Iterable[Listener], clock: Clock) -> None:
        now = clock()
        self._clock = clock
        self.record = Record(name, key, now, listeners)
        successes = self.record.tally.calls[Outcome.SUCCESS]
        self.count_success = successes.add
        self._machine = Machine(policy, now, successes.total)
        self._period = self._machine.period
        self._withdraw()

    def decide_at_once(self) -> Permit | CircuitOpenError | None:
        """Decide about a call; None when the circuit has to be asked, because more may come of it."""
        now = self._clock()
        if now < self._quiet_until:
            return self._period.admit_quietly(now)
        if now < self._refuses_until:
            return self.record.refused(CircuitState.OPEN, self._refuses_until - now)
        return None

    def succeed_at_once(self, permit: Permit) -> bool:
        """Count a success that changes nothing else; False when it has to be settled."""
        now = self._clock()
        if now < self._quiet_until and self._period.settle_quietly(permit, now):
            self.count_success()
            return True
        return False

    def _publish(self, *, enforced: bool, judges_results: bool, answers: bool) -> None:
        """Say what is plain now, under the lock."""
        self._withdraw()
        machine = self._machine
        if not enforced:
            return
        if machine.state is CircuitState.OPEN and machine.retry_at is not None:
            self._refuses_until = -inf if answers else machine.retry_at
        elif not judges_results:
            self.shared_permit, self.standing_permit = machine.shared_permit, machine.standing_permit
            self._period, self._quiet_until = machine.period, machine.quiet_until

    def _withdraw(self) -> None:
        self.shared_permit: Permit | None = None
        self.standing_permit: Permit | None = None
        self._quiet_until = self._refuses_until = -inf
