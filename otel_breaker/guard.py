"""The bodies of a guarded call: function, coroutine function, `with` block.

Each asks the circuit, starts the span, runs the user's code, and says what became of it; what a circuit decides and
what a span says is not known here. The kind of callable is settled when it is wrapped, never per call.
"""

from __future__ import annotations

import inspect
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar, cast

from otel_breaker.core.states import Outcome
from otel_breaker.errors import UNNAMED, CircuitOpenError
from otel_breaker.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from otel_breaker.circuit import Circuit
    from otel_breaker.circuit.changes import Notice
    from otel_breaker.core.permits import Permit

P = ParamSpec("P")
R = TypeVar("R")

_NO_MOVES: Final[Sequence[Notice]] = ()


class CallSpan(Protocol):
    """The span of one admitted call."""

    @property
    def origin(self) -> object: ...

    def finish(
        self, outcome: Outcome, error_type: type[BaseException] | str | None, moves: Sequence[Notice], *, slow: bool
    ) -> None: ...


class Tracing(Protocol):
    """Has the provider of spans, or None while nobody listens, in `source._TRACER_PROVIDER`."""

    @property
    def source(self) -> Any: ...


class CallSite(Protocol):
    """Starts the spans of one guarded function or block."""

    @property
    def tracing(self) -> Tracing: ...

    def stands_aside(self) -> bool: ...

    def start(self, circuit: Circuit, permit: Permit, moves: Sequence[Notice]) -> CallSpan | None: ...

    def refuse(self, circuit: Circuit, error: CircuitOpenError, moves: Sequence[Notice]) -> object: ...


class Call:
    """One guarded call, from its admission to its end.

    Raises:
        CircuitOpenError: when the circuit refuses it.
    """

    __slots__ = ("_circuit", "_permit", "_span")

    def __init__(self, circuit: Circuit, site: CallSite) -> None:
        self._circuit = circuit
        self._permit: Permit | None = None
        self._span: CallSpan | None = None
        traced = site.tracing.source._TRACER_PROVIDER is not None  # noqa: SLF001  # see Tracing
        if circuit.settings.mode is Mode.OFF or (traced and site.stands_aside()):
            return
        permit, moves, origin = circuit.standing_permit, _NO_MOVES, None
        if permit is None:
            decision, moves = circuit.ask()
            if isinstance(decision, CircuitOpenError):
                if traced:
                    origin = site.refuse(circuit, decision, moves)
                circuit.announce(moves, origin)
                raise decision
            permit = decision
        self._permit = permit
        if traced:
            self._span = site.start(circuit, permit, moves)
            if self._span is not None:
                origin = self._span.origin
        if permit is not circuit.standing_permit:
            permit.origin = origin
            circuit.announce(moves, origin)

    def returned(self, result: object) -> None:
        """The call came back with a result."""
        self.end(self._circuit.judge.of_result(result))

    def raised(self, error: BaseException) -> None:
        """The call came back with an exception, which the caller will see."""
        self.end(self._circuit.judge.of_error(error), error)

    def end(self, outcome: Outcome, error: BaseException | None = None, error_type: str | None = None) -> None:
        """Say what became of the call.

        Args:
            outcome: the verdict.
            error: what the caller sees, when it is an exception.
            error_type: what to call a failure that is no exception.
        """
        circuit, permit, span = self._circuit, self._permit, self._span
        if permit is None:
            return
        slow = circuit.is_slow(permit)
        if outcome is Outcome.SUCCESS and circuit.standing_permit is permit:
            circuit.count_success()
            moves = _NO_MOVES
        else:
            origin = span.origin if span is not None else None
            moves = circuit.settle(permit, outcome, error=error, error_type=error_type, origin=origin)
        if span is not None:
            shown = type(error) if error is not None else error_type
            if shown is None and outcome is Outcome.FAILURE:
                shown = UNNAMED
            span.finish(outcome, shown, moves, slow=slow)


class Block:
    """A guarded `with` or `async with` block; entered once."""

    __slots__ = ("_call", "_circuit", "_error_type", "_site", "_verdict")

    def __init__(self, circuit: Circuit, site: CallSite) -> None:
        self._circuit = circuit
        self._site = site
        self._call: Call | None = None
        self._verdict: Outcome | None = None
        self._error_type: str | None = None

    def failed(self, error_type: str) -> None:
        """Count the block as a failure, whether it raises or not.

        Args:
            error_type: what to call the failure: text of low cardinality, such as "503".
        """
        self._verdict, self._error_type = Outcome.FAILURE, error_type

    def ignored(self) -> None:
        """Let the block say nothing about the dependency, whether it raises or not."""
        self._verdict, self._error_type = Outcome.IGNORED, None

    def __enter__(self) -> Self:
        if self._call is not None:
            raise RuntimeError("a guard is entered once: ask the breaker for a new one with guard()")
        self._call = Call(self._circuit, self._site)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:
            return
        if self._verdict is not None and (error is None or isinstance(error, Exception)):
            call.end(self._verdict, error, self._error_type)
        elif error is not None:
            call.raised(error)
        else:
            call.end(Outcome.SUCCESS)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def guard_function(function: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Guard a plain function."""
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            call = Call(circuit, site)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:  # a cancelled probe must give its place back, too
                call.raised(error)
                raise
            call.returned(result)
            return result
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        if circuit.standing_permit is permit:
            count_success()
        else:
            circuit.settle(permit, Outcome.SUCCESS)
        return result

    return guarded


def guard_coroutine(
    function: Callable[P, Awaitable[R]], circuit: Circuit, site: CallSite
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Guard a coroutine function; the call begins when the coroutine is first awaited."""
    tracing, count_success, settle_error = site.tracing, circuit.count_success, circuit.settle_error

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit = circuit.standing_permit
        if permit is None or tracing.source._TRACER_PROVIDER is not None:  # noqa: SLF001  # see Tracing
            call = Call(circuit, site)
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                call.raised(error)
                raise
            call.returned(result)
            return result
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            settle_error(permit, error)
            raise
        if circuit.standing_permit is permit:
            count_success()
        else:
            circuit.settle(permit, Outcome.SUCCESS)
        return result

    return guarded


def guard(function: Callable[P, R], circuit: Circuit, site: CallSite) -> Callable[P, R]:
    """Guard any callable, by its kind.

    Raises:
        TypeError: when a call of it cannot be guarded.
    """
    if is_asynchronous(function):
        return cast("Callable[P, R]", guard_coroutine(cast("Callable[P, Awaitable[Any]]", function), circuit, site))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function!r} is a generator function: guard the body with `with breaker.guard():`")
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"{function!r} is not a function: guard its methods, or a function that calls it")
    return guard_function(function, circuit, site)


def is_asynchronous(function: object) -> bool:
    """Whether calling it gives a coroutine: also for `functools.partial` and objects with an async `__call__`."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # its kind is asked, not whether it is there
