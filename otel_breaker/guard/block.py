"""A guarded `with` or `async with` block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import FAILURE, IGNORED, SUCCESS, Outcome
from otel_breaker.guard.call import Call
from otel_breaker.settings import identifiers

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from otel_breaker.circuit import Circuit
    from otel_breaker.core.permits import Permit
    from otel_breaker.guard.ports import CallTracer


class Block:
    """A guarded block, `with breaker.guard() as block:` or `async with`; entered once.

    By itself it fails by what it raises; `failed` and `ignored` say otherwise.
    """

    __slots__ = ("_call", "_circuit", "_entered", "_error_type", "_permit", "_site", "_verdict")

    def __init__(self, circuit: Circuit, site: CallTracer) -> None:
        self._circuit = circuit
        self._site = site
        self._call: Call | None = None
        self._entered = False
        self._permit: Permit | None = None
        self._verdict: Outcome | None = None
        self._error_type: str | None = None

    def failed(self, error_type: str) -> None:
        """Count the block as a failure, whether it raises or not.

        Args:
            error_type: what to call the failure: text of low cardinality, such as "503".
        """
        self._verdict, self._error_type = FAILURE, identifiers.clean(str(error_type))  # may be a status

    def ignored(self) -> None:
        """Let the block say nothing about the dependency, whether it raises or not."""
        self._verdict, self._error_type = IGNORED, None

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a guard is entered once: ask the breaker for a new one with guard()")
        self._entered = True
        # As on the hot path of a function: nothing more is needed while the circuit is plainly closed, untraced.
        if self._site.tracing.source._TRACER_PROVIDER is None:  # noqa: SLF001  # see Tracing
            self._permit = self._circuit.fast_path.shared_permit
        if self._permit is None:
            call = Call(self._circuit, self._site)
            if (refusal := call.take_refusal()) is not None:
                try:
                    raise refusal
                finally:
                    del refusal
            self._call = call
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        circuit, permit = self._circuit, self._permit
        if permit is not None:
            self._permit = None
            if error is None and self._verdict is None:
                if circuit.fast_path.standing_permit is permit:
                    circuit.fast_path.count_success()
                else:
                    circuit.record_success(permit)
                return
            self._call = Call(circuit, self._site, admitted=permit)
        call = self._call
        if call is None:
            return
        if self._verdict is not None and (error is None or isinstance(error, Exception)):
            call.end(self._verdict, error, self._error_type)
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
