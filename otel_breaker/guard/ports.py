"""What guards need of telemetry: whether calls are traced, and the spans of calls; and of circuits by key.

Protocols only. The adapters are in telemetry/traces/ and keyed_guard.py; nothing here imports OpenTelemetry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import PendingChange
    from otel_breaker.core.permits import Permit
    from otel_breaker.core.states import Outcome
    from otel_breaker.errors import CircuitOpenError


class CallSpan(Protocol):
    """The span of one call."""

    @property
    def span_context(self) -> object: ...

    def attach(self) -> None: ...

    def detach(self) -> None: ...

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    def span_context_for(self, outcome: Outcome, *, slow: bool) -> object: ...

    def succeed(self) -> None: ...

    def finish(
        self, outcome: Outcome, error: BaseException | str | None, changes: Sequence[PendingChange], *, slow: bool
    ) -> None: ...


class CallTracer(Protocol):
    """Starts the spans of one guarded function, or of the blocks of one breaker.

    While `is_active()` is false, guards ask for no span. A call of it would make an untraced call measurably dearer, so
    guards that preserve a signature contain its expression instead (recompilation.py): in an adapter it is one
    `return` statement that refers to nothing but `self`.
    """

    def is_active(self) -> bool: ...

    @property
    def has_fallback(self) -> bool: ...

    @property
    def is_trampoline(self) -> bool: ...

    def passes_through(self) -> bool: ...

    def start(self, circuit: Circuit, permit: Permit, changes: Sequence[PendingChange]) -> CallSpan | None: ...

    def refuse(
        self, circuit: Circuit, refusal: CircuitOpenError, changes: Sequence[PendingChange], *, answered: bool
    ) -> CallSpan | None: ...


class ChosenCircuit(Protocol):
    """The circuit of one key."""

    @property
    def circuit(self) -> Circuit: ...

    was_used: bool
    """Set by each call: a circuit that no call uses makes room for another."""


class CircuitChoice(Protocol):
    """Chooses the circuit of each call of one function, by the key that the arguments make.

    Guards ask `key_of` and `find` at each call, and what they raise is an error without a key.
    """

    @property
    def pattern(self) -> Circuit:
        """A circuit with the settings of all that it chooses, for which the guard is made first."""
        ...

    @property
    def key_of(self) -> Callable[..., str]: ...

    @property
    def find(self) -> Callable[[Hashable], ChosenCircuit | None]: ...

    def choose_new(self, key: str) -> Circuit: ...

    def choose_without_key(self, error: Exception) -> Circuit: ...
