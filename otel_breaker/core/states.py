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


_CLOSED, _OPEN, _HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
_FORCED_OPEN, _FORCED_CLOSED = CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED

TRANSITIONS: Final[Mapping[tuple[CircuitState, Trigger], CircuitState]] = MappingProxyType(
    {
        (_CLOSED, Trigger.TRIP): _OPEN,
        (_OPEN, Trigger.COOL_DOWN): _HALF_OPEN,
        (_HALF_OPEN, Trigger.RECOVER): _CLOSED,
        (_HALF_OPEN, Trigger.RELAPSE): _OPEN,
        (_CLOSED, Trigger.FORCE_OPEN): _FORCED_OPEN,
        (_OPEN, Trigger.FORCE_OPEN): _FORCED_OPEN,
        (_HALF_OPEN, Trigger.FORCE_OPEN): _FORCED_OPEN,
        (_FORCED_CLOSED, Trigger.FORCE_OPEN): _FORCED_OPEN,
        (_CLOSED, Trigger.FORCE_CLOSED): _FORCED_CLOSED,
        (_OPEN, Trigger.FORCE_CLOSED): _FORCED_CLOSED,
        (_HALF_OPEN, Trigger.FORCE_CLOSED): _FORCED_CLOSED,
        (_FORCED_OPEN, Trigger.FORCE_CLOSED): _FORCED_CLOSED,
        (_OPEN, Trigger.RESET): _CLOSED,
        (_HALF_OPEN, Trigger.RESET): _CLOSED,
        (_FORCED_OPEN, Trigger.RESET): _CLOSED,
        (_FORCED_CLOSED, Trigger.RESET): _CLOSED,
    }
)
"""Where each trigger leads. A missing pair means that the trigger changes nothing there: overlapping
calls make late and repeated triggers ordinary."""

MOVES: Final[tuple[tuple[CircuitState, CircuitState], ...]] = tuple(
    dict.fromkeys((source, target) for (source, _), target in TRANSITIONS.items())
)
"""Every pair of states that a circuit can move between."""
