"""A circuit that threads share: the standing permit, and generations."""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState

if TYPE_CHECKING:
    from otel_breaker.settings import Keywords
    from tests.fakes import FakeClock


def standing(breaker: CircuitBreaker) -> bool:
    return breaker._circuit.fast_path.standing_permit is not None


def half_opened(clock: FakeClock, **settings: object) -> CircuitBreaker:
    """A breaker that admits a probe with the next call."""
    breaker = CircuitBreaker(clock=clock, **{"failure_threshold": 1, **settings})  # type: ignore[arg-type]
    breaker.record_failure()
    clock.advance(60)
    return breaker


# --- the standing permit


def test_a_closed_circuit_without_history_admits_by_its_standing_permit() -> None:
    assert standing(CircuitBreaker())


def test_a_streak_withholds_the_standing_permit_until_a_success() -> None:
    breaker = CircuitBreaker()

    breaker.record_failure()
    during = standing(breaker)
    breaker.record_success()

    assert (during, standing(breaker)) == (False, True)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "shadow"},
        {"mode": "off"},
        {"failure_result": bool},
        {"failure_rate": 0.5, "window": "60s"},
        {"slow_call_duration": 1, "slow_call_rate": 0.5},
    ],
)
def test_any_setting_that_needs_more_than_a_count_withholds_the_standing_permit(settings: Keywords) -> None:
    assert not standing(CircuitBreaker(**settings))


def test_only_a_closed_circuit_has_a_standing_permit(clock: FakeClock) -> None:
    breaker = half_opened(clock)

    was_open = standing(breaker)
    probe = breaker.can_execute()
    was_half_open = standing(breaker)
    breaker.record_success(probe)
    is_closed = standing(breaker)
    breaker.force_closed()

    assert (was_open, was_half_open, is_closed, standing(breaker)) == (False, False, True, False)


def test_no_success_is_lost_between_threads() -> None:
    breaker = CircuitBreaker()
    call = breaker(int)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(lambda: [call() for _ in range(2_000)])
    finally:
        sys.setswitchinterval(interval)

    assert breaker.snapshot().calls["success"] == 16_000


# --- generations


def test_an_outcome_from_before_the_circuit_opened_counts_without_an_effect(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    late_success, late_failure = breaker.can_execute(), breaker.can_execute()
    breaker.record_failure(permit=breaker.can_execute())
    clock.advance(60)
    probe = breaker.can_execute()

    breaker.record_success(late_success)
    breaker.record_failure(permit=late_failure)
    during = breaker.state
    breaker.record_success(probe)

    assert (during, breaker.state) == (CircuitState.HALF_OPEN, CircuitState.CLOSED)
    assert (breaker.snapshot().calls["success"], breaker.snapshot().calls["failure"]) == (2, 2)


def test_a_guarded_call_that_outlives_its_generation_has_no_effect() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    @breaker
    def fail_late() -> None:
        breaker.force_closed()
        breaker.reset()
        raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        fail_late()

    assert (breaker.state, breaker.failures) == (CircuitState.CLOSED, 0)


def test_the_longest_recovery_time_with_jitter_is_a_finite_wait(clock: FakeClock) -> None:
    for _ in range(20):  # the jitter is random
        breaker = CircuitBreaker(failure_threshold=1, recovery_time=1.7e308, recovery_jitter=1, clock=clock)
        breaker.record_failure()

        with pytest.raises(CircuitOpenError) as refused:
            breaker.call(int)

        assert refused.value.retry_after is not None
        assert math.isfinite(refused.value.retry_after)
