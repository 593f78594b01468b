"""What may happen to a dependency and its callers: numbers, and the faults of the table in docs/decisions.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class Reaction(Enum):
    """What the dependency does with a call."""

    WORKS = "works"
    FAILS = "fails"
    HANGS = "hangs"


@dataclass(frozen=True)
class Deployment:
    """The callers, the dependency, and how long they run. Durations are seconds, rates are per second."""

    clients: int = 64
    """Processes: each has a breaker of its own."""
    threads: int = 16
    """Requests that one client works on at once."""
    longest_wait: float = 1.0
    """How long a request waits for a thread."""
    rate: float = 640.0
    """Requests of all clients together: 80 % of what the dependency can do."""
    attempts: int = 3
    backoff: float = 0.1
    """The longest pause before the first retry; it doubles with each one."""
    timeout: float = 1.0
    """After this a client stops waiting; the dependency works on."""
    slots: int = 32
    """Calls that the dependency works on at once."""
    service: float = 0.040
    """Mean duration of one call's work; exponentially distributed."""
    queue: int = 2000
    """Calls that wait for a slot, first come, first served; the next one fails."""
    shards: int = 10
    fault_begins: float = 20.0
    fault_ends: float = 50.0
    ends: float = 110.0


def _works(_elapsed: float, _shard: int, _draw: float) -> Reaction:
    return Reaction.WORKS


def _constant(_elapsed: float) -> float:
    return 1.0


@dataclass(frozen=True)
class Fault:
    """What differs during the fault, by the seconds since it began."""

    name: str
    reaction: Callable[[float, int, float], Reaction] = _works
    """What becomes of a call that arrives: by elapsed seconds, shard and a random number in [0, 1)."""
    load: float = 1.0
    """Multiplies the rate of requests."""
    duration: float = 1.0
    """Multiplies the work of one call."""
    slots: float = 1.0
    """Multiplies the slots."""
    slots_after: Callable[[float], float] = _constant
    """Multiplies the slots after the fault, by the seconds since it ended."""


_FLAPS_EVERY: Final = 5.0
_COLD_FOR: Final = 30.0
_FAILED_SHARE: Final = 0.05


def _hangs(_elapsed: float, _shard: int, _draw: float) -> Reaction:
    return Reaction.HANGS


def _fails(_elapsed: float, _shard: int, _draw: float) -> Reaction:
    return Reaction.FAILS


def _flaps(elapsed: float, _shard: int, _draw: float) -> Reaction:
    return Reaction.WORKS if int(elapsed / _FLAPS_EVERY) % 2 else Reaction.FAILS


def _loses_a_shard(_elapsed: float, shard: int, _draw: float) -> Reaction:
    return Reaction.WORKS if shard else Reaction.HANGS


def _fails_sometimes(_elapsed: float, _shard: int, draw: float) -> Reaction:
    return Reaction.FAILS if draw < _FAILED_SHARE else Reaction.WORKS


def _warms_up(since: float) -> float:
    return min(1.0, 0.25 + 0.75 * since / _COLD_FOR)


SURGE: Final = Fault("surge x 1.5", load=1.5)
FROM_THE_START: Final = Fault("overload from the start", load=1.5)
BROWN_OUT: Final = Fault("brown-out to 30 % of capacity", slots=0.3)
COLD_START: Final = Fault("cold start after an outage", _fails, slots_after=_warms_up)
HANG: Final = Fault("hang", _hangs)
FAST_ERRORS: Final = Fault("fast errors", _fails)
SLOW: Final = Fault("slow x 15", duration=15.0)
FLAPPING: Final = Fault("flapping every 5 s", _flaps)
SHARD: Final = Fault("one shard of 10 hangs", _loses_a_shard)
SOME_ERRORS: Final = Fault("5 % errors", _fails_sometimes)
