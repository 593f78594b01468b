"""Calls in two steps: a permit first, its outcome later, recorded by hand.

Permits whose outcome is not recorded are kept in order, for callers that record an outcome without naming a permit.
How a circuit decides is not known here.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_breaker import diagnostics
from otel_breaker.circuit import RUNTIME
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard import cancel_abandoned_calls
from otel_breaker.tracers import current_span_context

if TYPE_CHECKING:
    from otel_breaker.circuit import Circuit
    from otel_breaker.core.states import Outcome

_MOST_UNRECORDED: Final = 10_000


class UnrecordedPermits:
    """The permits of one circuit whose outcome is not recorded, oldest first, at most 10,000 of them.

    A permit beyond that number is forgotten here; its caller can still record its outcome by naming it.
    """

    __slots__ = ("_circuit", "_has_warned", "_permits")

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._permits: OrderedDict[Permit, None] = OrderedDict()
        self._has_warned = False

    def acquire(self) -> Permit | None:
        """Acquire a permit of the caller's own; returns None when the circuit refuses."""
        circuit = self._circuit
        if RUNTIME.awaits_first_call:
            RUNTIME.first_call_arrived()
        if circuit.is_off:
            return Permit.of(NO_GENERATION, circuit.state)
        cancel_abandoned_calls()
        try:
            decision, changes = circuit.acquire_permit()
            circuit.dispatch_changes(changes, current_span_context())
        except BaseException:
            circuit.dispatch_pending()
            raise
        if isinstance(decision, CircuitOpenError):
            return None
        decision.unrecorded = True
        self._permits[decision] = None
        if len(self._permits) > _MOST_UNRECORDED:
            self._forget_oldest()
        return decision

    def record(self, permit: Permit | None, outcome: Outcome, error: BaseException | None) -> None:
        """Record the outcome of a permit, or of the oldest one; the second outcome of a permit has no effect."""
        if self._circuit.is_off:
            return
        if permit is None:
            permit = self._claim_oldest() or self._circuit.permit_for_unrequested_result()
        elif not _claim(permit):
            return
        else:
            self._permits.pop(permit, None)
        self._circuit.record_outcome(permit, outcome, error=error, detached=True, span_context=current_span_context())

    def _claim_oldest(self) -> Permit | None:
        while True:
            try:
                permit, _ = self._permits.popitem(last=False)
            except KeyError:
                return None
            if _claim(permit):
                return permit

    def _forget_oldest(self) -> None:
        with suppress(KeyError):
            self._permits.popitem(last=False)
        if not self._has_warned:
            self._has_warned = True
            diagnostics.warning(
                "circuit breaker %r: more than %d permits of can_execute() have no outcome. The outcome of the oldest "
                "can be recorded only by passing them to record_success() or record_failure(); logged once",
                self._circuit.history.name,
                _MOST_UNRECORDED,
            )


def _claim(permit: Permit) -> bool:
    """Claim a permit to record its outcome. One step of the interpreter, so that one of several threads succeeds."""
    return bool(permit.__dict__.pop("unrecorded", False))
