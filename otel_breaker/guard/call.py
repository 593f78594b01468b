"""One guarded call, from its admission to its end."""

from __future__ import annotations

from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

from otel_breaker.circuit import RUNTIME
from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.core.states import CANCELLED, FAILURE, IGNORED, REJECTED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.guard.fallbacks import fallback_for
from otel_breaker.guard.unstarted import cancel_abandoned_calls
from otel_breaker.text import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.guard.ports import CallSpan, CallTracer

P = ParamSpec("P")
R = TypeVar("R")


Begin: TypeAlias = "Callable[[tuple[Any, ...], dict[str, Any]], Call]"
"""Begins the call with these arguments. The wrapper raises the refusal that `Call.take_refusal` returns."""


class Call:
    """One guarded call; made by `begin` or `continued`.

    Args:
        circuit: admits the call and records its outcome.
        tracer: starts its span.
        permit: what it was admitted with.
        span: its span, when it is traced.
    """

    __slots__ = (
        "__weakref__",
        "_answered_refusal",
        "_changes",
        "_circuit",
        "_is_trampoline",
        "_permit",
        "_raised_refusal",
        "_slow",
        "_span",
        "ends_in_callback",
    )

    def __init__(
        self, circuit: Circuit, tracer: CallTracer, permit: Permit | None = None, span: CallSpan | None = None
    ) -> None:
        self._circuit = circuit
        self._is_trampoline = tracer.is_trampoline
        self._permit = permit
        self._span = span
        self._answered_refusal: CircuitOpenError | None = None
        """The refusal that the fallback answers."""
        self._raised_refusal: CircuitOpenError | None = None
        """The refusal that the wrapper raises."""
        self.ends_in_callback = False
        """Whether a callback ends it, in a frame other than the wrapper's."""
        self._slow = False
        self._changes: Sequence[PendingChange] = NO_CHANGES
        """The state changes that its steps have caused."""

    @classmethod
    def begin(cls, circuit: Circuit, tracer: CallTracer) -> Self:
        """Admit or refuse a call, and start its span."""
        call, traced = cls(circuit, tracer), tracer.is_active()
        if is_finalizing():  # modules are being cleared, this package's included: only finalisers still run
            return call
        if RUNTIME.awaits_first_call:
            RUNTIME.first_call_arrived()
        if circuit.is_off or (traced and tracer.passes_through()):
            return call
        permit, changes = circuit.fast_path.shared_permit, NO_CHANGES
        try:
            if permit is None:
                cancel_abandoned_calls()
                decision, changes = circuit.acquire_permit(call)
                if isinstance(decision, CircuitOpenError):
                    call._refuse(tracer, decision, changes, traced=traced)
                    return call
                permit = decision
            call._permit = permit
            if traced or changes:
                call._start(tracer, permit, changes, traced=traced)
        except BaseException:  # an interrupt: the function will not run
            call.end(CANCELLED)
            circuit.dispatch_pending()
            raise
        return call

    @classmethod
    def continued(cls, circuit: Circuit, tracer: CallTracer, permit: Permit, span: CallSpan | None = None) -> Self:
        """Go on with a call that a fast path has admitted, and whose span it has started."""
        return cls(circuit, tracer, permit, span)

    def _start(self, tracer: CallTracer, permit: Permit, changes: Sequence[PendingChange], *, traced: bool) -> None:
        circuit, span_context = self._circuit, None
        if traced:
            self._span = tracer.start(circuit, permit, changes)
            if self._span is not None:
                span_context = self._span.span_context
        if not permit.is_shared:
            permit.span_context = span_context
        if changes:
            circuit.dispatch_changes(changes, span_context)

    def _refuse(
        self, tracer: CallTracer, refusal: CircuitOpenError, changes: Sequence[PendingChange], *, traced: bool
    ) -> None:
        answered = tracer.has_fallback and self._circuit.settings.fallback is not None
        self._span = tracer.refuse(self._circuit, refusal, changes, answered=answered) if traced else None
        if changes:
            self._circuit.dispatch_changes(changes, self._span.span_context if self._span is not None else None)
        if answered:
            self._answered_refusal = refusal
            return
        self._raised_refusal = refusal
        if self._span is not None:
            self._span.finish(REJECTED, refusal, NO_CHANGES, slow=False)

    def take_refusal(self) -> CircuitOpenError | None:
        """The refusal to raise; None when the function or a fallback is to run.

        The frame that the caller has called raises it, so that its traceback shows no other frame of this package. The
        call keeps it no longer, or error, traceback and frame would hold each other and the caller's arguments.
        """
        refusal, self._raised_refusal = self._raised_refusal, None
        return refusal

    @property
    def is_refused(self) -> bool:
        """Whether its fallback answers."""
        return self._answered_refusal is not None

    @property
    def has_own_permit(self) -> bool:
        """Whether its permit is not shared: it may hold a probe's place."""
        return self._permit is not None and not self._permit.is_shared

    def choose(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function to run: the guarded one, or the fallback of a refused call."""
        if self._answered_refusal is None:
            return function
        settings = self._circuit.settings
        fallback = fallback_for(self._answered_refusal, settings, is_trampoline=self._is_trampoline)
        return cast("Callable[P, R]", fallback)

    def returned(self, result: object) -> None:
        """End the call with a result."""
        classifier, classified = self._circuit.classifier, self._permit is not None and not self.is_refused
        outcome, error_type, wait = FAILURE, None, None  # where an interrupt stops the classification
        try:
            outcome = classifier.classify_result(result) if classified else SUCCESS
            if outcome is FAILURE:
                error_type, wait = classifier.type_of_result(result), classifier.requested_wait(result)
        finally:
            self.end(outcome, error_type=error_type, retry_after=wait)

    def raised(self, error: BaseException) -> None:
        """End the call with an exception, which the caller sees."""
        classified = self._permit is not None or self.is_refused
        outcome = FAILURE  # as above
        try:
            outcome = self._circuit.classifier.classify_error(error) if classified else IGNORED
        finally:
            self.end(outcome, error)

    def passed_on(self, error: BaseException) -> None:
        """End the call with an exception that the consumer of a stream has thrown into it.

        The exception is no outcome of the dependency: the call is cancelled when the exception cancels the caller, and
        ignored otherwise.
        """
        cancelled = self._permit is not None and self._circuit.classifier.classify_error(error) is CANCELLED
        self.end(CANCELLED if cancelled else IGNORED, error)

    def end(
        self,
        outcome: Outcome,
        error: BaseException | None = None,
        error_type: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Record the outcome and end the span; only the first time has an effect.

        Args:
            outcome: the outcome of the call.
            error: the exception that the caller sees.
            error_type: the name of a failure that is no exception.
            retry_after: the seconds that such a failure asks to wait.
        """
        circuit, permit, span = self._circuit, self._permit, self._span
        self._permit = self._span = None
        slow, changes, span_context = False, NO_CHANGES, None
        shown = error_type or error
        if outcome is CANCELLED:
            shown = None
        if self._answered_refusal is not None:
            outcome = REJECTED
        try:
            if permit is not None and outcome is not REJECTED and not is_finalizing():
                slow = self._slow or circuit.is_slow(permit)
                if outcome is not SUCCESS or slow or not circuit.fast_path.try_record_success(permit):
                    span_context = span.span_context_for(outcome, slow=slow) if span is not None else None
                    changes = circuit.record_outcome(
                        permit,
                        outcome,
                        error=error,
                        error_type=error_type,
                        retry_after=retry_after,
                        detached=self.ends_in_callback,
                        span_context=span_context,
                    )
        finally:  # an interrupt must not leave the span without an end
            if span is not None:
                if shown is None and outcome is FAILURE:
                    shown = OTHER
                span.finish(outcome, shown, [*self._changes, *changes] if self._changes else changes, slow=slow)
        if span is not None and changes and span_context is None:  # only the changes have made it start a span
            circuit.dispatch_changes(changes, span.span_context)

    def suspend(self) -> None:
        """Pause the call until its consumer wants the next item: the time of the consumer's code is not the call's."""
        circuit, permit, span = self._circuit, self._permit, self._span
        if span is not None:
            span.suspend()
        if permit is not None and not permit.is_shared:
            if span is not None and circuit.is_slow(permit):
                permit.span_context = span.span_context_for(SUCCESS, slow=True)  # starts a deferred span
            slow, changes = circuit.suspend(permit)
            self._slow = slow or self._slow
            if changes:
                self._changes = [*self._changes, *changes]

    def resume(self) -> None:
        """Go on: the consumer wants the next item."""
        if self._permit is not None and not self._permit.is_shared:
            self._circuit.resume(self._permit, self)
        if self._span is not None:
            self._span.resume()

    @property
    def pauses(self) -> tuple[Callable[[], None], Callable[[], None]]:
        """What suspends and resumes it; only the time of a call with a permit of its own counts."""
        if self.has_own_permit:
            return self.suspend, self.resume
        span = self._span
        return (_do_nothing, _do_nothing) if span is None else (span.suspend, span.resume)

    def suspend_span(self) -> None:
        """Detach the span while code that is not the call's runs."""
        if self._span is not None:
            self._span.detach()

    def resume_span(self) -> None:
        """Attach the span again, maybe in another context."""
        if self._span is not None:
            self._span.attach()


def end_with_error(
    circuit: Circuit, tracer: CallTracer, permit: Permit, span: CallSpan | None, error: BaseException
) -> None:
    """End a call that a fast path has admitted with an exception."""
    if span is not None:
        Call.continued(circuit, tracer, permit, span).raised(error)
    elif not is_finalizing():  # see Call.begin
        circuit.record_error(permit, error)


def _do_nothing() -> None:
    pass
