"""Time is monotonic, and only calls cause transitions."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import RECOVERY, Broken, due, fail, opened, refuses, succeed, time_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import FakeClock

HOUR = 3600.0


def test_an_idle_circuit_stays_open_with_a_retry_after_of_zero(clock: FakeClock) -> None:
    # The reported state does not follow the clock: only calls cause transitions.
    breaker = opened(clock)

    clock.advance(1_000)

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().retry_after == 0


def test_a_circuit_that_needs_several_probes_refuses_none_of_those_that_come_one_by_one(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=3)
    states = []

    for _ in range(3):
        clock.advance(1_000)
        succeed(breaker)
        states.append(breaker.state.value)

    assert states == ["half_open", "half_open", "closed"]


def test_a_rare_caller_that_finds_the_dependency_down_again_is_the_only_one_to_try(clock: FakeClock) -> None:
    breaker = due(clock, half_open_calls=3)
    succeed(breaker)

    fail(breaker)

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().retry_after == RECOVERY
    assert breaker.failures == 2


def test_a_wall_clock_that_is_set_forward_ends_no_recovery_time(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=30)
    fail(breaker)

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + HOUR)

    assert refuses(breaker)
    assert breaker.snapshot().retry_after == pytest.approx(30, abs=1)


def test_a_wall_clock_that_is_set_back_prolongs_no_recovery_time(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=0.1)
    fail(breaker)

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - HOUR)
    time.sleep(0.11)

    assert not refuses(breaker)


@pytest.fixture(params=["Asia/Tokyo", "America/New_York", "UTC"])
def far_away(request: pytest.FixtureRequest) -> Iterator[None]:
    with time_zone(request.param):
        yield


@pytest.mark.usefixtures("far_away")
def test_retry_after_of_a_refusal_is_the_same_in_every_time_zone(clock: FakeClock) -> None:
    breaker = opened(clock, recovery_time=30)

    with pytest.raises(CircuitOpenError) as refusal:
        succeed(breaker)

    assert refusal.value.retry_after == 30
    assert breaker.snapshot().retry_after == 30


@pytest.mark.usefixtures("far_away")
def test_times_for_display_are_epoch_seconds_in_every_time_zone(clock: FakeClock) -> None:
    breaker = opened(clock)

    seen = breaker.snapshot()

    assert breaker.last_failure_time == pytest.approx(time.time(), abs=5)
    assert breaker.last_state_change == pytest.approx(time.time(), abs=5)
    assert seen.opened_at == pytest.approx(time.time(), abs=5)


class Asked(Broken):
    """A failure that requests a wait."""

    def __init__(self, retry_after: object) -> None:
        self.retry_after = retry_after


# The three forms that RFC 9110, section 5.6.7 wants understood; all of them are UTC.
HTTP_DATES = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("form", HTTP_DATES, ids=["IMF-fixdate", "RFC 850", "asctime"])
def test_an_http_date_to_come_back_at_is_the_same_in_every_time_zone(clock: FakeClock, form: str) -> None:
    breaker = CircuitBreaker(failure_threshold=1, retry_after="retry_after", clock=clock)
    in_a_minute = datetime.fromtimestamp(time.time() + 60, timezone.utc).strftime(form)

    with pytest.raises(Asked), breaker.guard():
        raise Asked(in_a_minute)

    assert breaker.snapshot().retry_after == pytest.approx(60, abs=5)
