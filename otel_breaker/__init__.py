"""A circuit breaker whose every decision can be seen: the public names.

For pytest, which warns of a package with a plugin that it did not import first: PYTEST_DONT_REWRITE
"""

from otel_breaker.breaker import CircuitBreaker
from otel_breaker.circuit import Snapshot, StateChange
from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import Counts
from otel_breaker.core.states import CircuitState
from otel_breaker.errors import CircuitOpenError, InvalidSettings
from otel_breaker.guard import Block
from otel_breaker.pickling import register as _register
from otel_breaker.registry import breakers, get_breaker
from otel_breaker.settings import Mode
from otel_breaker.telemetry.configuration import configure
from otel_breaker.version import __version__

__all__ = [
    "Block",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "Counts",
    "InvalidSettings",
    "Mode",
    "Permit",
    "Snapshot",
    "StateChange",
    "__version__",
    "breakers",
    "configure",
    "get_breaker",
]

_register()
