"""The guards that are compared, by name. docs/decisions.md has the same names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker.core.concurrency import ConcurrencyLimit
from otel_breaker.settings import Settings
from tests.simulation.guards import Breaker, Unguarded
from tests.simulation.left_out import ProportionalControl, RampUp, RetryBudget, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.clients import Guard

CLASSIC: Final = Settings(failure_threshold=5, recovery_time=60)
RULES: Final = Settings(
    failure_threshold=5,
    failure_rate=0.5,
    slow_call_duration=0.5,
    slow_call_rate=0.5,
    window="10s",
    minimum_calls=10,
    recovery_time=5,
    recovery_jitter=0.2,
    half_open_calls=3,
    probe_timeout=2,
)
UNTIMED: Final = replace(RULES, slow_call_duration=None, slow_call_rate=None)


class Contender(NamedTuple):
    """A guard by name."""

    name: str
    make: Callable[[Callable[[], float], int], Guard]
    """Makes the guard of one client, from what draws random numbers and the number of circuits."""


def auto(settings: Settings) -> ConcurrencyLimit:
    return ConcurrencyLimit(None, settings.slow_call_duration)


def with_fixed_limit(number: int) -> Contender:
    return Contender(
        f"rules, limit {number}",
        lambda draw, circuits: Breaker(draw, RULES, ConcurrencyLimit(number, None), circuits),
    )


NONE: Final = Contender("no breaker", lambda _draw, _circuits: Unguarded())
CLASSIC_RULE: Final = Contender("5 in a row, 60 s", lambda draw, circuits: Breaker(draw, CLASSIC, None, circuits))
ONLY_RULES: Final = Contender("rules", lambda draw, circuits: Breaker(draw, RULES, None, circuits))
RULES_AND_AUTO: Final = Contender(
    "rules, limit `auto`", lambda draw, circuits: Breaker(draw, RULES, auto(RULES), circuits)
)
UNTIMED_AND_AUTO: Final = Contender(
    "no slow calls set, limit `auto`", lambda draw, circuits: Breaker(draw, UNTIMED, auto(UNTIMED), circuits)
)
FIXED: Final = (with_fixed_limit(4), with_fixed_limit(16), with_fixed_limit(64))
LEFT_OUT: Final = (
    Contender("rules, ramp-up over 10 s", lambda draw, circuits: RampUp(draw, Breaker(draw, RULES, None, circuits))),
    Contender(
        "rules, retry budget of 10 %", lambda draw, circuits: RetryBudget(Breaker(draw, RULES, None, circuits))
    ),
    Contender(
        "rules, `recovery_backoff: 2`",
        lambda draw, circuits: Breaker(draw, replace(RULES, recovery_backoff=2.0), None, circuits),
    ),
    Contender("throttling, factor 2", lambda draw, _circuits: Throttle(draw)),
    Contender("proportional controller", lambda draw, _circuits: ProportionalControl(draw)),
)
OF_A_HANG: Final = tuple(
    Contender(name, lambda draw, circuits, settings=settings: Breaker(draw, settings, None, circuits))
    for name, settings in {
        "5 in a row, 60 s": CLASSIC,
        "5 in a row, 5 s": replace(CLASSIC, recovery_time=5.0),
        "half of 10 s, 5 s": replace(UNTIMED, failure_threshold=None),
        "10 in a row, or half of 10 s, 5 s": replace(UNTIMED, failure_threshold=10),
        "5 in a row, or half of 10 s, 5 s": UNTIMED,
    }.items()
)
