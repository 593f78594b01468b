"""The guards that are compared, by name. docs/decisions.md has the same names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
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
    window=timedelta(seconds=10),
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


def of_settings(name: str, settings: Settings) -> Contender:
    return Contender(name, lambda draw, circuits: Breaker(draw, settings, None, circuits))


def with_auto(name: str, settings: Settings) -> Contender:
    def make(draw: Callable[[], float], circuits: int) -> Guard:
        return Breaker(draw, settings, ConcurrencyLimit(None, settings.slow_call_duration), circuits)

    return Contender(name, make)


def with_fixed_limit(number: int) -> Contender:
    return Contender(
        f"rules, limit {number}",
        lambda draw, circuits: Breaker(draw, RULES, ConcurrencyLimit(number, None), circuits),
    )


NONE: Final = Contender("no breaker", lambda _draw, _circuits: Unguarded())
CLASSIC_RULE: Final = of_settings("5 in a row, 60 s", CLASSIC)
ONLY_RULES: Final = of_settings("rules", RULES)
RULES_AND_AUTO: Final = with_auto("rules, limit `auto`", RULES)
UNTIMED_AND_AUTO: Final = with_auto("no slow calls set, limit `auto`", UNTIMED)
FIXED: Final = (with_fixed_limit(4), with_fixed_limit(16), with_fixed_limit(64))
LEFT_OUT: Final = (
    Contender("rules, ramp-up over 10 s", lambda draw, circuits: RampUp(draw, Breaker(draw, RULES, None, circuits))),
    Contender("rules, retry budget of 10 %", lambda draw, circuits: RetryBudget(Breaker(draw, RULES, None, circuits))),
    of_settings("rules, `recovery_backoff: 2`", replace(RULES, recovery_backoff=2.0)),
    Contender("throttling, factor 2", lambda draw, _circuits: Throttle(draw)),
    Contender("proportional controller", lambda draw, _circuits: ProportionalControl(draw)),
)
OF_A_HANG: Final = (
    CLASSIC_RULE,
    of_settings("5 in a row, 5 s", replace(CLASSIC, recovery_time=5.0)),
    of_settings("half of 10 s, 5 s", replace(UNTIMED, failure_threshold=None)),
    of_settings("10 in a row, or half of 10 s, 5 s", replace(UNTIMED, failure_threshold=10)),
    of_settings("5 in a row, or half of 10 s, 5 s", UNTIMED),
)
