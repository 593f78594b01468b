"""The public names. Everything else in this package is internal, and may change in any release.

For pytest, which warns of a package with a plugin that it did not import first: PYTEST_DONT_REWRITE
"""

from typing import TYPE_CHECKING

from otel_breaker.breaker import CircuitBreaker
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import CircuitState, Outcome, Reason, RejectionReason
from otel_breaker.errors import CircuitOpenError, ConcurrencyLimitError, InvalidSettings
from otel_breaker.guard import Block
from otel_breaker.lazy_names import import_when_asked as _import_when_asked
from otel_breaker.pickling import register as _register
from otel_breaker.registry import breakers, get_breaker
from otel_breaker.settings import Mode
from otel_breaker.version import __version__

if TYPE_CHECKING:
    from otel_breaker.circuit import Listener, Snapshot, StateChange
    from otel_breaker.core.rules import Counts
    from otel_breaker.settings import Settings
    from otel_breaker.telemetry.configuration import configure

__all__ = [
    "Block",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "ConcurrencyLimitError",
    "Counts",
    "InvalidSettings",
    "Listener",
    "Mode",
    "Outcome",
    "Permit",
    "Reason",
    "RejectionReason",
    "Settings",
    "Snapshot",
    "StateChange",
    "__version__",
    "breakers",
    "configure",
    "get_breaker",
]

# What no process needs before it has a breaker.
_import_when_asked(
    globals(),
    Counts="core.rules",
    Listener="circuit",
    Settings="settings",
    Snapshot="circuit",
    StateChange="circuit",
    configure="telemetry.configuration",
)
_register()
del TYPE_CHECKING  # no public name
