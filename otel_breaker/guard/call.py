"""One guarded call from its admission to its end, and the ports through which it is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast

from otel_breaker.circuit import WORLD
from otel_breaker.circuit.changes import NO_MOVES
from otel_breaker.core.states import CANCELLED, FAILURE, IGNORED, REJECTED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.outcomes import type_of_result
from otel_breaker.text import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import Notice
    from otel_breaker.core.permits import Permit

P = ParamSpec("P")
R = TypeVar("R")


class CallSpan(Protocol):
    """The span of one admitted call."""

    @property
    def origin(self) -> object: ...

    def attach(self) -> None: ...

    def detach(self) -> None: ...

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def origin_of(self, outcome: Outcome, *, slow: bool) -> object: ...

    def succeed(self) -> None: ...

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, moves: Sequence[Notice], *, slow: bool
    ) -> None: ...


class Tracing(Protocol):
    """Has the provider of spans, or None while nobody listens, in `source._TRACER_PROVIDER`."""

    @property
    def source(self) -> Any: ...


class CallSite(Protocol):
    """Starts the spans of one guarded function or block."""

    @property
    def tracing(self) -> Tracing: ...

    @property
    def has_fallback(self) -> bool: ...

    @property
    def is_handed(self) -> bool: ...

    def stands_aside(self) -> bool: ...

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[Notice]) -> CallSpan | None: ...

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, moves: Sequence[Notice], *, answered: bool
    ) -> CallSpan | None: ...


class Call:
    """One guarded call.

    Args:
        circuit: decides about it.
        site: tells of it.
        admitted: the permit of a call that goes on after the hot path.
        span: of that call, if somebody was to be told of it.

    Raises:
        CircuitOpenError: when the circuit refuses it, and no fallback is set, or allowed.
    """

    __slots__ = ("_circuit", "_is_handed", "_moves", "_permit", "_refusal", "_slow", "_span")

    def __init__(
        self, circuit: Circuit, site: CallSite, *, admitted: Permit | None = None, span: CallSpan | None = None
    ) -> None:
        self._circuit = circuit
        self._is_handed = site.is_handed
        self._permit = admitted
        self._refusal: CircuitOpenError | None = None
        self._slow = False
        self._moves: Sequence[Notice] = NO_MOVES
        """What its steps brought about."""
        self._span = span
        if admitted is not None:
            return
        traced = site.tracing.source._TRACER_PROVIDER is not None  # noqa: SLF001  # see Tracing
        if _passes_unguarded(circuit, site, traced=traced):
            return
        permit, moves, origin = circuit.shared_permit, NO_MOVES, None
        if permit is None:
            decision, moves = circuit.ask()
            if isinstance(decision, CircuitOpenError):
                try:
                    self._refuse(site, decision, moves, traced=traced)
                finally:
                    del decision  # or error, traceback and frame would hold each other, and the caller's arguments
                return
            permit = decision
        self._permit = permit
        try:
            if traced:
                self._span = site.start(circuit, permit, moves)
                if self._span is not None:
                    origin = self._span.origin
            if not permit.is_shared:
                permit.origin = origin
            if moves:
                circuit.announce(moves, origin)
        except BaseException:  # an interrupt: the call will not be made
            self.end(CANCELLED)
            circuit.announce(moves, None)
            raise

    def _refuse(self, site: CallSite, refusal: CircuitOpenError, moves: Sequence[Notice], *, traced: bool) -> None:
        answered = site.has_fallback and self._circuit.settings.fallback is not None
        self._span = site.refuse(self._circuit, refusal, moves, answered=answered) if traced else None
        if moves:
            self._circuit.announce(moves, self._span.origin if self._span is not None else None)
        if not answered:
            if self._span is not None:
                self._span.finish(REJECTED, refusal, NO_MOVES, slow=False)
            try:
                raise refusal
            finally:
                del refusal  # as above
        self._refusal = refusal

    def choose(self, function: Callable[P, R]) -> Callable[P, R]:
        """What is to be called: the function, or the fallback of a refused call."""
        if self._refusal is None:
            return function
        settings = self._circuit.settings
        fallback: Any = settings.fallback
        if settings.fallback_wants_refusal:
            fallback = partial(fallback, refusal=self._refusal)
        return cast("Callable[P, R]", _without_first(fallback) if self._is_handed else fallback)

    def returned(self, result: object) -> None:
        """The call came back with a result."""
        judge, judged = self._circuit.judge, self._permit is not None and self._refusal is None
        if judged and judge.of_result(result) is FAILURE:
            self.end(FAILURE, error_type=type_of_result(result), retry_after=judge.wait_asked_by(result))
        else:
            self.end(SUCCESS)

    def raised(self, error: BaseException) -> None:
        """The call came back with an exception, which the caller will see."""
        judged = self._permit is not None or self._refusal is not None
        outcome = CANCELLED  # when the settings' predicates are interrupted; the call has ended all the same
        try:
            outcome = self._circuit.judge.of_error(error) if judged else IGNORED
        finally:
            self.end(outcome, error)

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
        slow, moves = False, NO_MOVES
        shown = error_type or error
        if outcome is CANCELLED:
            shown = None
        if self._refusal is not None:
            outcome = REJECTED
        elif permit is not None:
            slow = self._slow or circuit.is_slow(permit)
            if outcome is not SUCCESS or slow or not circuit.succeed_at_once(permit):
                origin = span.origin_of(outcome, slow=slow) if span is not None else None
                moves = circuit.settle(
                    permit, outcome, error=error, error_type=error_type, retry_after=retry_after, origin=origin
                )
        if span is not None:
            if shown is None and outcome is FAILURE:
                shown = UNNAMED
            span.finish(outcome, shown, [*self._moves, *moves] if self._moves else moves, slow=slow)
            if moves and origin is None:  # a span that came to be only because of them
                circuit.announce(moves, span.origin)

    def suspend(self) -> None:
        """The call waits for its consumer: neither that time nor what the consumer does is its own."""
        circuit, permit, span = self._circuit, self._permit, self._span
        if span is not None:
            span.suspend()
        if permit is not None and not permit.is_shared:
            if span is not None and circuit.is_slow(permit):
                permit.origin = span.origin_of(SUCCESS, slow=True)  # there may have been none so far
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


def _passes_unguarded(circuit: Circuit, site: CallSite, *, traced: bool) -> bool:
    if WORLD.awaits_a_call:
        WORLD.called()
    return circuit.is_off or (traced and site.stands_aside())


def _without_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Without what is handed to a guard that only calls it: the fallback's arguments are the function's."""
    return lambda _handed, *args, **kwargs: function(*args, **kwargs)
