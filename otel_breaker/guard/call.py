"""One guarded call from its admission to its end."""

from __future__ import annotations

from functools import partial
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

from otel_breaker.circuit import RUNTIME
from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.classifier import type_of_result
from otel_breaker.core.states import CANCELLED, FAILURE, IGNORED, REJECTED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard.unbegun import end_what_was_given_up
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.guard.ports import CallSpan, CallTracer

P = ParamSpec("P")
R = TypeVar("R")


Begin: TypeAlias = "Callable[[tuple[Any, ...], dict[str, Any]], Call]"
"""Begins the call that is about to be made with these arguments; what `take_refusal` then gives is to be raised."""


class Call:
    """One guarded call.

    Args:
        circuit: decides about it.
        site: tells of it.
        admitted: the permit of a call that goes on after the hot path.
        span: of that call, if somebody was to be told of it.
    """

    __slots__ = (
        "_circuit",
        "_is_trampoline",
        "_moves",
        "_permit",
        "_refusal",
        "_slow",
        "_span",
        "_unanswered",
        "ends_in_callback",
    )

    def __init__(
        self, circuit: Circuit, site: CallTracer, *, admitted: Permit | None = None, span: CallSpan | None = None
    ) -> None:
        self._circuit = circuit
        self._is_trampoline = site.is_trampoline
        self._permit = admitted
        self._refusal: CircuitOpenError | None = None
        """What its fallback answers."""
        self._unanswered: CircuitOpenError | None = None
        """What nothing answers."""
        self.ends_in_callback = False
        """Whether it ends elsewhere than where it was made."""
        self._slow = False
        self._moves: Sequence[PendingChange] = NO_CHANGES
        """What its steps brought about."""
        self._span = span
        if admitted is not None:
            return
        traced = site.tracing.source._TRACER_PROVIDER is not None  # noqa: SLF001  # see Tracing
        if _passes_unguarded(circuit, site, traced=traced):
            return
        permit, moves = circuit.fast_path.shared_permit, NO_CHANGES
        try:
            if permit is None:
                end_what_was_given_up()
                decision, moves = circuit.acquire_permit()
                if isinstance(decision, CircuitOpenError):
                    self._refuse(site, decision, moves, traced=traced)
                    return
                permit = decision
            self._permit = permit
            self._start(site, permit, moves, traced=traced)
        except BaseException:  # an interrupt: the call will not be made
            self.end(CANCELLED)
            circuit.dispatch_pending()
            raise

    def _start(self, site: CallTracer, permit: Permit, moves: Sequence[PendingChange], *, traced: bool) -> None:
        circuit, origin = self._circuit, None
        if traced:
            self._span = site.start(circuit, permit, moves)
            if self._span is not None:
                origin = self._span.span_context
        if not permit.is_shared:
            permit.span_context = origin
        if moves:
            circuit.dispatch_changes(moves, origin)

    def _refuse(
        self, site: CallTracer, refusal: CircuitOpenError, moves: Sequence[PendingChange], *, traced: bool
    ) -> None:
        answered = site.has_fallback and self._circuit.settings.fallback is not None
        self._span = site.refuse(self._circuit, refusal, moves, answered=answered) if traced else None
        if moves:
            self._circuit.dispatch_changes(moves, self._span.span_context if self._span is not None else None)
        if answered:
            self._refusal = refusal
            return
        self._unanswered = refusal
        if self._span is not None:
            self._span.finish(REJECTED, refusal, NO_CHANGES, slow=False)

    def take_refusal(self) -> CircuitOpenError | None:
        """What to raise when the circuit refuses the call, and no fallback is set, or allowed; else None.

        It is raised by the frame that the caller has called, so that its traceback shows no others of ours. It is kept
        here no longer, or error, traceback and frame would hold each other, and the caller's arguments.
        """
        refusal, self._unanswered = self._unanswered, None
        return refusal

    @property
    def is_refused(self) -> bool:
        """Whether its fallback answers."""
        return self._refusal is not None

    @property
    def holds_a_place(self) -> bool:
        """Whether it was admitted with a permit of its own."""
        return self._permit is not None and not self._permit.is_shared

    def choose(self, function: Callable[P, R]) -> Callable[P, R]:
        """What is to be called: the function, or the fallback of a refused call."""
        if self._refusal is None:
            return function
        settings = self._circuit.settings
        fallback: Any = settings.fallback
        if settings.fallback_wants_refusal:
            fallback = partial(fallback, refusal=self._refusal)
        return cast("Callable[P, R]", _without_first(fallback) if self._is_trampoline else fallback)

    def returned(self, result: object) -> None:
        """The call came back with a result."""
        judge, judged = self._circuit.classifier, self._permit is not None and self._refusal is None
        outcome, named, wait = FAILURE, None, None  # should judging it be interrupted
        try:
            outcome = judge.classify_result(result) if judged else SUCCESS
            if outcome is FAILURE:
                named, wait = type_of_result(result), judge.requested_wait(result)
        finally:
            self.end(outcome, error_type=named, retry_after=wait)

    def raised(self, error: BaseException) -> None:
        """The call came back with an exception, which the caller will see."""
        judged = self._permit is not None or self._refusal is not None
        outcome = FAILURE  # as above
        try:
            outcome = self._circuit.classifier.classify_error(error) if judged else IGNORED
        finally:
            self.end(outcome, error)

    def passed_on(self, error: BaseException) -> None:
        """The consumer of a stream has thrown an exception into it, and it has come back: it says nothing of the call.

        If it stops the caller, the call is cancelled.
        """
        judged = self._permit is not None and self._circuit.classifier.classify_error(error) is CANCELLED
        self.end(CANCELLED if judged else IGNORED, error)

    def end(
        self,
        outcome: Outcome,
        error: BaseException | None = None,
        error_type: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Say what became of the call; only the first time counts.

        Args:
            outcome: the verdict.
            error: what the caller sees, when it is an exception.
            error_type: what to call a failure that is no exception.
            retry_after: seconds that such a failure asked to wait.
        """
        circuit, permit, span = self._circuit, self._permit, self._span
        self._permit = self._span = None
        slow, moves, origin = False, NO_CHANGES, None
        shown = error_type or error
        if outcome is CANCELLED:
            shown = None
        if self._refusal is not None:
            outcome = REJECTED
        try:
            if permit is not None and outcome is not REJECTED and not is_finalizing():
                slow = self._slow or circuit.is_slow(permit)
                if outcome is not SUCCESS or slow or not circuit.fast_path.try_record_success(permit):
                    origin = span.span_context_for(outcome, slow=slow) if span is not None else None
                    moves = circuit.record_outcome(
                        permit,
                        outcome,
                        error=error,
                        error_type=error_type,
                        retry_after=retry_after,
                        detached=self.ends_in_callback,
                        origin=origin,
                    )
        finally:  # an interrupt must not leave the span without an end
            if span is not None:
                if shown is None and outcome is FAILURE:
                    shown = OTHER
                span.finish(outcome, shown, [*self._moves, *moves] if self._moves else moves, slow=slow)
        if span is not None and moves and origin is None:  # a span that came to be only because of them
            circuit.dispatch_changes(moves, span.span_context)

    def suspend(self) -> None:
        """The call waits for its consumer: neither that time nor what the consumer does is its own."""
        circuit, permit, span = self._circuit, self._permit, self._span
        if span is not None:
            span.suspend()
        if permit is not None and not permit.is_shared:
            if span is not None and circuit.is_slow(permit):
                permit.span_context = span.span_context_for(SUCCESS, slow=True)  # there may have been none so far
            slow, moves = circuit.suspend(permit)
            self._slow = slow or self._slow
            if moves:
                self._moves = [*self._moves, *moves]

    def resume(self) -> None:
        """The consumer wants the next item."""
        if self._permit is not None and not self._permit.is_shared:
            self._circuit.resume(self._permit)
        if self._span is not None:
            self._span.resume()

    def suspend_span(self) -> None:
        """Somebody else's code runs."""
        if self._span is not None:
            self._span.detach()

    def resume_span(self) -> None:
        """The call's own code runs again, maybe in another context."""
        if self._span is not None:
            self._span.attach()


def _passes_unguarded(circuit: Circuit, site: CallTracer, *, traced: bool) -> bool:
    if is_finalizing():  # modules are being taken apart, ours among them: only finalisers still run
        return True
    if RUNTIME.awaits_first_call:
        RUNTIME.first_call_arrived()
    return circuit.is_off or (traced and site.passes_through())


def _without_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Without what is handed to a guard that only calls it: the fallback's arguments are the function's."""
    return lambda _handed, *args, **kwargs: function(*args, **kwargs)
