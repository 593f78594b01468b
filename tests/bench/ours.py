"""Our own breaker as a contender: by default, with other rules, and installed by configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, get_breaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.bench import targets
from tests.bench.contender import Contender

if TYPE_CHECKING:
    from collections.abc import Callable

NAME: Final = "bench"
_OURS: Final = "otel_breaker"


def ours(**settings: Any) -> Contender:
    """A new breaker."""
    return _contender(CircuitBreaker(NAME, recovery_time=3600, recovery_time_max=3600, **settings))


def time_window() -> Contender:
    return ours(failure_rate=0.5, window="30s")


def slow_calls() -> Contender:
    return ours(slow_call_duration=60, slow_call_rate=0.5)


def limited() -> Contender:
    return ours(slow_call_duration=60, slow_call_rate=0.5, max_in_flight=100)


def limited_by_itself() -> Contender:
    return ours(slow_call_duration=60, slow_call_rate=0.5, max_in_flight="auto")


def patched() -> Contender:
    """A function that a configuration guards, as its module's users call it."""
    guard = _configured(NAME)
    return _contender(get_breaker(NAME), lambda _: guard)


def by_template() -> Contender:
    """A function that a configuration guards with one circuit for each value of its parameter."""
    guard = _configured(f"{NAME} {{value}}")
    return Contender(_OURS, CircuitOpenError, function=lambda _: guard)


def by_key_function() -> Contender:
    """A function with one circuit for each key that another function returns."""
    keyed = REGISTRY.get_keyed(f"{NAME} keys", {})
    return Contender(_OURS, CircuitOpenError, function=lambda function: guard_by_key(keyed, function, _value))


def by_name() -> Contender:
    """Breakers that are found by name and key at each use."""
    return Contender(_OURS, CircuitOpenError, find=get_breaker)


def _value(value: Any) -> Any:
    return value


def _configured(breaker: str) -> Callable[[Any], Any]:
    instrumentor, before = OtelBreakerInstrumentor(), targets.work
    function = f"{targets.__name__}:{before.__qualname__}"
    instrumentor.instrument(targets=[{"function": function, "breaker": breaker}])
    guard = targets.work
    instrumentor.uninstrument()
    assert guard is not before, "the configuration guards nothing"
    return guard


def _contender(breaker: CircuitBreaker, function: Callable[[Any], Any] | None = None) -> Contender:
    return Contender(
        _OURS,
        CircuitOpenError,
        lambda: breaker.state is CircuitState.OPEN,
        function=function or breaker,
        coroutine=breaker,
        generator=breaker,
        async_generator=breaker,
        block=breaker.guard,
        call=breaker.call,
        call_later=breaker.call,
        two_step=breaker,
    )
