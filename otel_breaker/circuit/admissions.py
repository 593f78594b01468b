"""Admissions: which calls a circuit admits and which it refuses, under its lock.

The rules of decisions.py hold here, too. The outcomes of the calls are recorded there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.circuit.chance import CHANCE
from otel_breaker.circuit.places import held_by
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import (
    CLOSED,
    CONCURRENCY_LIMIT,
    FORCED_CLOSED,
    HALF_OPEN,
    PASSING_STATES,
    REASONS_BY_STATE,
    CircuitState,
    RejectionReason,
)
from otel_breaker.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.circuit.fast_path import FastPath
    from otel_breaker.circuit.history import CircuitHistory
    from otel_breaker.core.machine import Machine
    from otel_breaker.core.transition import Transition
    from otel_breaker.errors import CircuitOpenError


class Admissions:
    """The admissions and refusals of one circuit.

    Args:
        machine: changes its state.
        history: records what happens.
        fast_path: is withdrawn before each change, and published after it.
    """

    __slots__ = ("_machine", "_mode", "fast_path", "history")

    def __init__(self, machine: Machine, history: CircuitHistory, fast_path: FastPath) -> None:
        self._machine = machine
        self.history = history
        self.fast_path = fast_path
        self._mode = Mode.ENFORCE

    def admit_locked(
        self, now: float, owner: Hashable, holder: object
    ) -> tuple[Permit | CircuitOpenError, Sequence[PendingChange]]:
        """Admit or refuse a call; the changes are complete when the span of that call is known.

        Args:
            now: monotonic seconds.
            owner: what runs the call.
            holder: what ends the call; None when its outcome is recorded by hand.
        """
        machine = self._machine
        self.fast_path.withdraw()
        try:
            changes = self._apply_time_locked(now)
            owner = owner if machine.state is HALF_OPEN else None
            permit = machine.admit(now, owner, exclusive=holder is None)
            decision = self._enter_locked(permit, holder, now) if permit is not None else self._refuse_locked(now)
            if decision is permit and permit.deadline is not None:
                self.history.count_probe()
        finally:
            self.fast_path.publish(machine)
        self.history.complete_before(changes)
        return decision, changes

    def admit_in_between_locked(self, now: float, holder: object) -> Permit | CircuitOpenError:
        """Admit or refuse a call by the current state, in the middle of another decision."""
        state = self._machine.state
        if state in PASSING_STATES:
            return self._enter_locked(Permit.of(NO_GENERATION, state, 0, now), holder, now)
        return self._refuse_locked(now)

    def _enter_locked(self, permit: Permit, holder: object, now: float) -> Permit | CircuitOpenError:
        """Let a call that the circuit admits enter the limit of calls in flight, or refuse it."""
        limit = self.fast_path.limit
        if limit is None or not permit.takes_place:
            return permit
        held = now + self._machine.policy.probe_timeout if holder is None else held_by(holder, permit, limit)
        if limit.enter(permit, held) or (limit.take_back_expired(now) and limit.enter(permit, held)):
            return permit
        if permit.state is FORCED_CLOSED:  # an operator lets all calls pass
            limit.in_flight[permit] = held
            return permit
        limit.note_refusal()
        self._machine.withdraw(permit)
        if self._mode is Mode.SHADOW:
            return _shadowed_permit(permit.state, CONCURRENCY_LIMIT, now)
        return self.history.make_limit_refusal(permit.state, limit.limit)

    def _refuse_locked(self, now: float) -> Permit | CircuitOpenError:
        """Refuse a call; in mode `shadow`, a permit without effect."""
        state = self._machine.state
        if self._mode is Mode.SHADOW:
            return _shadowed_permit(state, REASONS_BY_STATE[state], now)
        return self.history.make_refusal(state, self._machine.retry_after(now))

    def permit_if_closed_locked(self, now: float) -> Permit:
        """A permit whose outcome has an effect only while the circuit is closed."""
        state = self._machine.state
        permit = self._machine.admit(now) if state is CLOSED else None
        return permit or Permit.of(NO_GENERATION, state, 0, now)

    def _apply_time_locked(self, now: float) -> list[PendingChange]:
        """Make the transitions that time alone has caused since the last call."""
        machine, changes = self._machine, []
        if machine.state is CLOSED:
            return self._record_change_locked(machine.sweep(now, CHANCE.draw()), None, complete=False)
        if machine.state is HALF_OPEN:
            changes = self._record_change_locked(machine.expire(now, CHANCE.draw()), None, complete=False)
        return changes + self._record_change_locked(machine.cool_down(now), None, complete=False)

    def _record_change_locked(
        self, transition: Transition | None, span_context: object, *, complete: bool
    ) -> list[PendingChange]:
        if transition is None:
            return []
        return [self.history.record_state_change(transition, self._mode, span_context, complete=complete)]


def _shadowed_permit(state: CircuitState, reason: RejectionReason, now: float) -> Permit:
    """The permit of a call that passes only because of mode `shadow`; its outcome has no effect."""
    permit = Permit.of(NO_GENERATION, state, 0, now)
    permit.shadowed = reason
    return permit
