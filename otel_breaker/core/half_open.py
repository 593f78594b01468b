"""A half-open circuit: its probes, each a lease with a deadline and an owner. machine.py decides the next state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import FAILURE, HALF_OPEN, SUCCESS, Outcome, Trigger

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otel_breaker.core.policy import Policy


class HalfOpen:
    """One half-open period: it admits `half_open_calls` probes, at once and in all, and each must succeed.

    It ends under the policy with which it began.
    """

    __slots__ = ("_generation", "_leases", "_policy", "_succeeded")

    def __init__(self, policy: Policy, generation: int) -> None:
        self._policy = policy
        self._generation = generation
        self._leases: dict[Permit, None] = {}
        self._succeeded = 0

    @property
    def in_flight(self) -> int:
        return len(self._leases)

    def admit(self, now: float, owner: Hashable, failure_count: int) -> Permit | None:
        """Lease a permit to a probe; a call of a probe's owner passes as part of that probe."""
        # At least one: an interrupt between the last success and the recovery makes one more probe necessary.
        most = max(1, self._policy.half_open_calls - self._succeeded)
        if len(self._leases) < most:
            permit = Permit.of(self._generation, HALF_OPEN, failure_count, now)
            permit.deadline, permit.owner = now + self._policy.probe_timeout, owner
            self._leases[permit] = None
            return permit
        if owner is not None and any(lease.owner == owner for lease in self._leases):
            return Permit.of(NO_GENERATION, HALF_OPEN, failure_count, now)
        return None

    def record_outcome(self, permit: Permit, outcome: Outcome) -> Trigger | None:
        """End a probe; a permit without a lease, or with an expired one, has no effect."""
        if permit not in self._leases:
            return None
        del self._leases[permit]
        if outcome is FAILURE:
            return Trigger.RELAPSE
        if outcome is SUCCESS:
            self._succeeded += 1
        return Trigger.RECOVER if self._succeeded >= self._policy.half_open_calls else None

    def withdraw(self, permit: Permit) -> None:
        """Take back a lease, as if the probe had not been admitted."""
        self._leases.pop(permit, None)

    def first_expired(self, now: float) -> Permit | None:
        """The lease that expired first."""
        expired = [(lease.deadline, lease) for lease in self._leases if lease.deadline is not None]
        deadline, lease = min(expired, key=lambda pair: pair[0], default=(now, None))
        return lease if deadline <= now else None
