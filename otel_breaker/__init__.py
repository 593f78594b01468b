"""A circuit breaker whose every decision can be seen: the public names."""

from otel_breaker.breaker import CircuitBreaker
from otel_breaker.circuit import Snapshot, StateChange
from otel_breaker.core.states import CircuitState
from otel_breaker.errors import CircuitOpenError, InvalidSettings
from otel_breaker.pickling import register as _register
from otel_breaker.registry import breakers, get_breaker
from otel_breaker.settings import Mode
from otel_breaker.telemetry.configuring import configure
from otel_breaker.version import __version__

__all__ = [
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "InvalidSettings",
    "Mode",
    "Snapshot",
    "StateChange",
    "__version__",
    "breakers",
    "configure",
    "get_breaker",
]

_register()
