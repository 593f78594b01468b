"""States, triggers, reasons, outcomes and the table of transitions, as data.

The machine, the README's diagram and the tests read this table. The machine decides when a trigger fires.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class CircuitState(Enum):
    """What a circuit does with calls."""

    CLOSED = "closed"
    """Calls pass, and the rules are evaluated."""
    OPEN = "open"
    """Calls are refused until the recovery time has passed."""
    HALF_OPEN = "half_open"
    """A few probes test whether the dependency has recovered."""
    FORCED_OPEN = "forced_open"
    """An operator refuses all calls; only an operator ends it."""
    FORCED_CLOSED = "forced_closed"
    """An operator lets all calls pass and no rule is evaluated; only an operator ends it."""

    __hash__ = object.__hash__  # members are singletons, and Enum's own hash runs Python code at every look-up


class Trigger(Enum):
    """What may cause a transition."""

    TRIP = "trip"
    COOL_DOWN = "cool_down"
    RECOVER = "recover"
    RELAPSE = "relapse"
    FORCE_OPEN = "force_open"
    FORCE_CLOSED = "force_closed"
    RESET = "reset"


class Reason(Enum):
    """Why a trigger fired, in the words of telemetry."""

    FAILURE_THRESHOLD = "failure_threshold"
    FAILURE_RATE = "failure_rate"
    SLOW_CALL_RATE = "slow_call_rate"
    RECOVERY_TIME_ELAPSED = "recovery_time_elapsed"
    PROBE_SUCCEEDED = "probe_succeeded"
    PROBE_FAILED = "probe_failed"
    PROBE_TIMEOUT = "probe_timeout"
    MANUAL = "manual"


class Outcome(Enum):
    """How a call ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    """It raised an exception that is no evidence about the dependency."""
    REJECTED = "rejected"
    """The circuit refused it."""
    CANCELLED = "cancelled"
    """It was stopped before it had an outcome of its own."""

    __hash__ = object.__hash__  # as above


class RejectionReason(Enum):
    """Why a call was refused, in the words of telemetry."""

    OPEN = "open"
    """The circuit is open."""
    HALF_OPEN = "half_open"
    """The circuit is half-open, and all its probes are in flight."""
    FORCED_OPEN = "forced_open"
    """An operator refuses all calls."""
    CONCURRENCY_LIMIT = "concurrency_limit"
    """As many calls of the name are in flight as `max_in_flight` allows."""

    __hash__ = object.__hash__  # as above


# For code that runs at every call: until Python 3.12 each access to a member through its class runs Python code.
CLOSED: Final = CircuitState.CLOSED
OPEN: Final = CircuitState.OPEN
HALF_OPEN: Final = CircuitState.HALF_OPEN
FORCED_OPEN: Final = CircuitState.FORCED_OPEN
FORCED_CLOSED: Final = CircuitState.FORCED_CLOSED
SUCCESS: Final = Outcome.SUCCESS
FAILURE: Final = Outcome.FAILURE
IGNORED: Final = Outcome.IGNORED
REJECTED: Final = Outcome.REJECTED
CANCELLED: Final = Outcome.CANCELLED
CONCURRENCY_LIMIT: Final = RejectionReason.CONCURRENCY_LIMIT

REASONS_BY_STATE: Final[Mapping[CircuitState, RejectionReason]] = MappingProxyType(
    {
        OPEN: RejectionReason.OPEN,
        HALF_OPEN: RejectionReason.HALF_OPEN,
        FORCED_OPEN: RejectionReason.FORCED_OPEN,
    }
)
"""Why a circuit in each of these states refuses calls."""

PASSING_STATES: Final = (CLOSED, FORCED_CLOSED)
"""Every call passes."""
REFUSING_STATES: Final = (OPEN, FORCED_OPEN)
"""Every call is refused."""
RECOVERING_STATES: Final = (OPEN, HALF_OPEN)
"""The next call may be a probe."""

TRANSITIONS: Final[Mapping[tuple[CircuitState, Trigger], CircuitState]] = MappingProxyType(
    {
        (CLOSED, Trigger.TRIP): OPEN,
        (OPEN, Trigger.COOL_DOWN): HALF_OPEN,
        (HALF_OPEN, Trigger.RECOVER): CLOSED,
        (HALF_OPEN, Trigger.RELAPSE): OPEN,
        (CLOSED, Trigger.FORCE_OPEN): FORCED_OPEN,
        (OPEN, Trigger.FORCE_OPEN): FORCED_OPEN,
        (HALF_OPEN, Trigger.FORCE_OPEN): FORCED_OPEN,
        (FORCED_CLOSED, Trigger.FORCE_OPEN): FORCED_OPEN,
        (CLOSED, Trigger.FORCE_CLOSED): FORCED_CLOSED,
        (OPEN, Trigger.FORCE_CLOSED): FORCED_CLOSED,
        (HALF_OPEN, Trigger.FORCE_CLOSED): FORCED_CLOSED,
        (FORCED_OPEN, Trigger.FORCE_CLOSED): FORCED_CLOSED,
        (OPEN, Trigger.RESET): CLOSED,
        (HALF_OPEN, Trigger.RESET): CLOSED,
        (FORCED_OPEN, Trigger.RESET): CLOSED,
        (FORCED_CLOSED, Trigger.RESET): CLOSED,
    }
)
"""The target of each trigger in each state. A trigger has no effect in a state where it is missing: calls overlap, so
late and repeated triggers are ordinary."""

STATE_CHANGES: Final[tuple[tuple[CircuitState, CircuitState], ...]] = tuple(
    dict.fromkeys((source, target) for (source, _), target in TRANSITIONS.items())
)
"""Every pair of states with a transition from the first to the second."""
