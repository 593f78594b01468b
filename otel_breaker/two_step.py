"""Calls in two steps: a permit first, its outcome later, recorded by hand.

Permits whose outcome is not recorded are kept in order, for callers that record an outcome without naming a permit.
How a circuit decides is not known here.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from otel_breaker import diagnostics
from otel_breaker.circuit import RUNTIME
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import FAILURE, SUCCESS
from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard import cancel_abandoned_calls
from otel_breaker.tracers import current_span_context

if TYPE_CHECKING:
    from otel_breaker.circuit import Circuit
    from otel_breaker.core.states import Outcome

_MOST_UNRECORDED: Final = 10_000


class TwoStepCalls:
    """The two steps of a call, as methods of a breaker.

    While calls share a permit and a success has no effect but its count, no step takes the lock, reads a clock or looks
    for a span.
    """

    _circuit: Circuit
    _unrecorded: OrderedDict[Permit, bool] | None = None
    """The permits without an outcome, oldest first, at most 10,000; made with the first of them.

    A permit beyond that number is forgotten here; its caller can still record its outcome by naming it.
    """
    _has_warned = False

    def can_execute(self) -> Permit | None:
        """Acquire a permit for one call; `record_success` or `record_failure` records the call's outcome.

        Returns:
            A permit, or None when the circuit refuses.
        """
        shared = self._circuit.fast_path.shared_permit
        if shared is None:
            return self._acquire()
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = shared.generation, shared.failure_count, None
        unrecorded = self._unrecorded
        if unrecorded is None or len(unrecorded) >= _MOST_UNRECORDED:
            unrecorded = self._room_for_one()
        unrecorded[permit] = True
        return permit

    def record_success(self, permit: Permit | None = None) -> None:
        """Record that a call succeeded.

        Args:
            permit: the permit of `can_execute`; by default the oldest without an outcome.
        """
        fast_path = self._circuit.fast_path
        standing, unrecorded = fast_path.standing_permit, self._unrecorded
        if standing is None or unrecorded is None:
            self._record(permit, SUCCESS, None)
            return
        if permit is None:
            permit = self._claim_oldest() or standing
        elif not unrecorded.pop(permit, False) and not _claim_forgotten(permit):
            return
        if permit.generation == standing.generation:
            next(fast_path.successes)
        else:
            self._circuit.record_outcome(permit, SUCCESS)

    def record_failure(self, error: BaseException | None = None, permit: Permit | None = None) -> None:
        """Record that a call failed.

        Args:
            error: what the call raised; its type decides whether the failure counts.
            permit: the permit of `can_execute`; by default the oldest without an outcome.
        """
        outcome = FAILURE if error is None else self._circuit.classifier.classify_error(error)
        self._record(permit, outcome, error)

    def _acquire(self) -> Permit | None:
        """Acquire a permit that the circuit has to decide on."""
        circuit = self._circuit
        if RUNTIME.awaits_first_call:
            RUNTIME.first_call_arrived()
        if circuit.is_off:
            return Permit.of(NO_GENERATION, circuit.state)
        cancel_abandoned_calls()
        try:
            decision, changes = circuit.acquire_permit()
            if changes:
                circuit.dispatch_changes(changes, current_span_context())
        except BaseException:
            circuit.dispatch_pending()
            raise
        if isinstance(decision, CircuitOpenError):
            return None
        self._room_for_one()[decision] = True
        return decision

    def _record(self, permit: Permit | None, outcome: Outcome, error: BaseException | None) -> None:
        """Record the outcome of a permit, or of the oldest one; the second outcome of a permit has no effect."""
        circuit = self._circuit
        if circuit.is_off:
            return
        if permit is None:
            permit = self._claim_oldest() or circuit.permit_for_unrequested_result()
        elif not (self._unrecorded and self._unrecorded.pop(permit, False)) and not _claim_forgotten(permit):
            return  # it has an outcome, or needs none
        if outcome is not SUCCESS or not circuit.fast_path.try_record_success(permit):
            circuit.record_outcome(permit, outcome, error=error, detached=True, span_context=current_span_context())

    def _claim_oldest(self) -> Permit | None:
        """Claim the oldest permit, to record its outcome."""
        try:
            return self._unrecorded.popitem(last=False)[0] if self._unrecorded else None
        except KeyError:  # another thread has claimed the last one
            return None

    def _room_for_one(self) -> OrderedDict[Permit, bool]:
        """The permits without an outcome, with room for one more."""
        # In one step: another thread may have put a permit there.
        unrecorded: OrderedDict[Permit, bool] = vars(self).setdefault("_unrecorded", OrderedDict())
        while len(unrecorded) >= _MOST_UNRECORDED:
            _forget_oldest(unrecorded)
            if not self._has_warned:
                self._has_warned = True
                diagnostics.warning(
                    "circuit breaker %r: more than %d permits of can_execute() have no outcome. The outcome of the "
                    "oldest can be recorded only by passing them to record_success() or record_failure(); logged once",
                    self._circuit.history.name,
                    _MOST_UNRECORDED,
                )
        return unrecorded


def _forget_oldest(unrecorded: OrderedDict[Permit, bool]) -> None:
    try:
        oldest = next(iter(unrecorded))
    except (StopIteration, RuntimeError):  # another thread has removed it
        return
    oldest.is_forgotten = True  # before it is removed, so that its caller can claim it at any moment
    if not unrecorded.pop(oldest, False):  # its caller has claimed it meanwhile
        _claim_forgotten(oldest)


def _claim_forgotten(permit: Permit) -> bool:
    """Claim a permit that is not remembered. One step of the interpreter, so that one of several threads succeeds."""
    return bool(permit.__dict__.pop("is_forgotten", False))
