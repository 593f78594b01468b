"""A guarded `with` or `async with` block."""

from __future__ import annotations

from sys import is_finalizing
from typing import TYPE_CHECKING

from otel_breaker.circuit.changes import NO_CHANGES
from otel_breaker.core.states import FAILURE, IGNORED, SUCCESS, Outcome
from otel_breaker.guard.call import Call
from otel_breaker.text import clean

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.permits import Permit
    from otel_breaker.guard.ports import CallSpan, CallTracer


class Block:
    """A guarded block, `with breaker.guard() as block:` or `async with`; entered once.

    Its outcome is that of the exception that leaves it, unless `failed` or `ignored` sets another.
    """

    __slots__ = ("_call", "_circuit", "_is_entered", "_permit", "_span", "_tracer", "_verdict")

    def __init__(self, circuit: Circuit, tracer: CallTracer) -> None:
        self._circuit = circuit
        self._tracer = tracer
        self._is_entered = False
        self._permit: Permit | None = None
        """Admits it on the fast path."""
        self._span: CallSpan | None = None
        """Its span, when it is traced on the fast path."""
        self._call: Call | None = None
        self._verdict: tuple[Outcome, str | None] | None = None
        """The outcome, and the name of a failure, that the block has set."""

    def failed(self, error_type: str) -> None:
        """Count the block as a failure, whether it raises or not.

        Args:
            error_type: the name of the failure: text of low cardinality, such as "503".
        """
        self._verdict = FAILURE, clean(str(error_type))  # may be a status

    def ignored(self) -> None:
        """Count the block neither as a success nor as a failure, whether it raises or not."""
        self._verdict = IGNORED, None

    def __enter__(self) -> Self:
        if self._is_entered:
            raise RuntimeError("a guard is entered once: ask the breaker for a new one with guard()")
        self._is_entered = True
        # A fast path (fast_path.py): a shared permit is all that a block needs, and a span when it is traced.
        circuit, tracer = self._circuit, self._tracer
        permit = circuit.fast_path.shared_permit
        if permit is not None and tracer.is_active():
            self._span = None if is_finalizing() else tracer.start(circuit, permit, NO_CHANGES)
            if self._span is None:
                permit = None
        if permit is None:
            call = Call.begin(circuit, tracer)
            if (refusal := call.take_refusal()) is not None:
                try:
                    raise refusal
                finally:
                    del refusal
            self._call = call
        self._permit = permit
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        circuit, permit, verdict = self._circuit, self._permit, self._verdict
        if permit is not None:
            self._permit = None
            if error is None and verdict is None:
                fast_path = circuit.fast_path
                if fast_path.standing_permit is permit:
                    next(fast_path.successes)
                else:
                    circuit.record_success(permit)
                if self._span is not None:
                    self._span.succeed()
                return
            self._call = Call.continued(circuit, self._tracer, permit, self._span)
        call = self._call
        if call is None:
            return
        if verdict is not None and (error is None or isinstance(error, Exception)):
            outcome, error_type = verdict
            call.end(outcome, error, error_type)
        elif error is not None:
            call.raised(error)
        else:
            call.end(SUCCESS)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
