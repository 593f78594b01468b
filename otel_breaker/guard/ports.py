"""What guards ask of telemetry: whether somebody listens, and the spans of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.states import Outcome
    from otel_breaker.errors import CircuitOpenError


class CallSpan(Protocol):
    """The span of one admitted call."""

    @property
    def span_context(self) -> object: ...

    def attach(self) -> None: ...

    def detach(self) -> None: ...

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> object: ...

    def succeed(self) -> None: ...

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, moves: Sequence[PendingChange], *, slow: bool
    ) -> None: ...


class Tracing(Protocol):
    """Knows whether somebody listens.

    Guards ask `source._TRACER_PROVIDER`: None there means that nobody does. The name is OpenTelemetry's own, so that
    one attribute of its module can be read, which costs nothing; where it has no such name, `source` is not its module.
    """

    @property
    def source(self) -> Any: ...


class CallTracer(Protocol):
    """Starts the spans of one guarded function or block."""

    @property
    def tracing(self) -> Tracing: ...

    @property
    def has_fallback(self) -> bool: ...

    @property
    def is_trampoline(self) -> bool: ...

    def passes_through(self) -> bool: ...

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[PendingChange]) -> CallSpan | None: ...

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, moves: Sequence[PendingChange], *, answered: bool
    ) -> CallSpan | None: ...
