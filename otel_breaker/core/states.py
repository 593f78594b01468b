"""The life of a circuit as data: the machine, the diagram in the README and the tests read these tables.

Only names and the transition table live here; deciding when a trigger fires is the machine's business.
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
    """Calls pass and are judged."""
    OPEN = "open"
    """Calls are refused until the recovery time has passed."""
    HALF_OPEN = "half_open"
    """A few probes find out whether the dependency is back."""
    FORCED_OPEN = "forced_open"
    """An operator refuses all calls; only an operator undoes it."""
    FORCED_CLOSED = "forced_closed"
    """An operator lets all calls pass, unjudged; only an operator undoes it."""

    __hash__ = object.__hash__  # members are single objects; Enum's own hash is Python code, run at every look-up


class Trigger(Enum):
    """What may move a circuit."""

    TRIP = "trip"
    COOL_DOWN = "cool_down"
    RECOVER = "recover"
    RELAPSE = "relapse"
    FORCE_OPEN = "force_open"
    FORCE_CLOSED = "force_closed"
    RESET = "reset"


class Reason(Enum):
    """Why a trigger fired, as telemetry says it."""

    FAILURE_THRESHOLD = "failure_threshold"
    FAILURE_RATE = "failure_rate"
    SLOW_CALL_RATE = "slow_call_rate"
    RECOVERY_TIME_ELAPSED = "recovery_time_elapsed"
    PROBE_SUCCEEDED = "probe_succeeded"
    PROBE_FAILED = "probe_failed"
    PROBE_TIMEOUT = "probe_timeout"
    MANUAL = "manual"


class Outcome(Enum):
    """What became of a call."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    """It raised something that says nothing about the dependency."""
    REJECTED = "rejected"
    """The circuit refused it."""
    CANCELLED = "cancelled"
    """Somebody stopped it before it could tell."""

    __hash__ = object.__hash__  # as above


# For whoever is asked at every call: until Python 3.12 each look at a member through its class runs Python code.
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
"""Where each trigger leads. A missing pair means that the trigger changes nothing there: overlapping
calls make late and repeated triggers ordinary."""

MOVES: Final[tuple[tuple[CircuitState, CircuitState], ...]] = tuple(
    dict.fromkeys((source, target) for (source, _), target in TRANSITIONS.items())
)
"""Every pair of states that a circuit can move between."""
