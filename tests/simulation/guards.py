"""The guards of one client that use the library: its machines, and its limit of calls in flight, as a circuit does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.machine import Machine
from otel_breaker.core.states import CANCELLED, CLOSED, FAILURE, HALF_OPEN, OPEN, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.states import Outcome
    from otel_breaker.core.transition import Transition
    from otel_breaker.settings import Settings


class Unguarded:
    """No breaker."""

    def admit(self, _now: float, _shard: int) -> object | None:
        return self

    def end(self, ticket: object, now: float, *, failed: bool) -> None:
        pass

    def allows_retry(self) -> bool:
        return True


class DrivenMachine:
    """A machine, driven as a circuit drives it."""

    __slots__ = ("_draw", "_machine", "_successes", "closed_at", "first_trip")

    def __init__(self, draw: Callable[[], float], settings: Settings) -> None:
        self._draw = draw
        self._successes = 0
        self._machine = Machine(settings.policy, lambda: self._successes)
        self.first_trip: Transition | None = None
        self.closed_at: float | None = None
        """When it last recovered."""

    def admit(self, now: float, *, timed: bool) -> Permit | None:
        """Admit a call; one that is timed gets a permit of its own, which has its start."""
        machine = self._machine
        if machine.state is CLOSED:
            self._follow(machine.sweep(now, self._draw()))
        elif machine.state is HALF_OPEN:
            self._follow(machine.expire(now, self._draw()))
        if machine.state is OPEN:
            self._follow(machine.cool_down(now))
        return machine.admit(now, exclusive=timed)

    def record_outcome(self, permit: Permit, outcome: Outcome, now: float) -> None:
        machine = self._machine
        if machine.has_deadlines:
            self._follow(machine.expire(now, self._draw()))
            self._follow(machine.sweep(now, self._draw()))
        self._successes += outcome is SUCCESS
        self._follow(machine.record_outcome(permit, outcome, now, self._draw()))

    @property
    def is_closed(self) -> bool:
        return self._machine.state is CLOSED

    def _follow(self, transition: Transition | None) -> None:
        if transition is None:
            return
        if transition.target is OPEN and self.first_trip is None:
            self.first_trip = transition
        if transition.target is CLOSED:
            self.closed_at = transition.at


class Breaker:
    """Our breaker: one machine, or one by shard, and one limit over all of them.

    Args:
        draw: returns random numbers in [0, 1).
        settings: those of the breaker.
        limit: of the calls in flight; None without one.
        by_shard: the number of shards, where each has a circuit.
    """

    def __init__(
        self, draw: Callable[[], float], settings: Settings, limit: ConcurrencyLimit | None = None, by_shard: int = 1
    ) -> None:
        self.machines = [DrivenMachine(draw, settings) for _ in range(by_shard)]
        self._limit = limit
        self._ended = 0
        """The calls that have ended since the limit has recorded one."""

    def admit(self, now: float, shard: int) -> tuple[DrivenMachine, Permit] | None:
        machine = self.machines[shard % len(self.machines)]
        permit = machine.admit(now, timed=self._limit is not None)
        if permit is None:
            return None
        if self._limit is not None and not self._limit.enter(permit):
            self._limit.note_refusal()
            machine.record_outcome(permit, CANCELLED, now)
            return None
        return machine, permit

    def give_back(self, ticket: tuple[DrivenMachine, Permit], now: float) -> None:
        """Take back an admission: the call does not begin."""
        machine, permit = ticket
        machine.record_outcome(permit, CANCELLED, now)

    def end(self, ticket: tuple[DrivenMachine, Permit], now: float, *, failed: bool) -> None:
        machine, permit = ticket
        outcome = FAILURE if failed else SUCCESS
        limit, started = self._limit, permit.started
        if limit is not None and started is not None:
            limit.leave(permit)
            self._ended += 1
            # As a circuit does: a good call before `quiet_until` only leaves.
            if failed or now >= limit.quiet_until or now - started >= limit.slow_after:
                limit.record(outcome, started, now, self._ended)
                self._ended = 0
        machine.record_outcome(permit, outcome, now)

    def allows_retry(self) -> bool:
        return True
