"""The public class: its defaults, its name, what can be read from it, and its life."""

from __future__ import annotations

import copy
import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, InvalidSettings, Mode
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from tests.fakes import FakeClock


class Service:
    def __init__(self) -> None:
        self.breaker = CircuitBreaker()


async def echo(value: str, *, times: int = 1) -> str:
    return value * times


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.record_failure()


# --- defaults


def test_the_fifth_failure_in_a_row_opens_the_circuit() -> None:
    breaker = CircuitBreaker()

    fail(breaker, 4)
    before = breaker.state
    fail(breaker, 1)

    assert (before, breaker.state) == (CircuitState.CLOSED, CircuitState.OPEN)


def test_an_open_circuit_admits_a_probe_after_sixty_seconds(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    fail(breaker, 5)

    clock.advance(59.9)
    early = breaker.can_execute()
    clock.advance(0.1)
    probe = breaker.can_execute()

    assert early is None
    assert probe


def test_threshold_and_recovery_time_can_be_numbers_as_in_the_original_design(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=3, recovery_time=30, clock=clock)

    fail(breaker, 3)
    opened = breaker.state
    clock.advance(30)

    assert opened is CircuitState.OPEN
    assert breaker.can_execute()


def test_a_setting_that_is_not_allowed_is_refused_when_the_breaker_is_made() -> None:
    with pytest.raises(InvalidSettings, match="failure_threshold"):
        CircuitBreaker(failure_threshold=0)


# --- name


def test_a_breaker_without_a_name_has_the_name_of_the_code_that_makes_it() -> None:
    breaker = CircuitBreaker()

    here = "test_a_breaker_without_a_name_has_the_name_of_the_code_that_makes_it"
    assert breaker.name == f"{__name__}:{here}"


def test_the_breakers_of_all_instances_of_a_class_have_one_name() -> None:
    names = {Service().breaker.name, Service().breaker.name}

    assert names == {f"{__name__}:Service.__init__"}


@pytest.mark.parametrize("name", ["", 7])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(InvalidSettings, match="name"):
        CircuitBreaker(name)


def test_a_breaker_shows_its_name_and_state() -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    fail(breaker, 1)

    assert repr(breaker) == "<CircuitBreaker 'payments' open>"


# --- call


async def test_call_awaits_a_coroutine_function_with_its_arguments() -> None:
    breaker = CircuitBreaker()

    result = await breaker.call(echo, "ab", times=2)

    assert result == "abab"


def test_call_returns_what_a_function_returns() -> None:
    breaker = CircuitBreaker()

    assert breaker.call(divmod, 7, 2) == (3, 1)


async def test_a_refused_coroutine_function_raises_only_when_it_is_awaited() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    fail(breaker, 1)

    call = breaker.call(echo, "never")

    with pytest.raises(CircuitOpenError):
        await call


# --- what can be read


def test_failures_counts_from_the_last_success() -> None:
    breaker = CircuitBreaker()

    fail(breaker, 2)
    before = breaker.failures
    breaker.record_success()
    fail(breaker, 1)

    assert (before, breaker.failures) == (2, 1)


def test_the_last_failure_has_a_time_of_day() -> None:
    breaker = CircuitBreaker()
    never, earliest = breaker.last_failure_time, time.time()

    fail(breaker, 1)

    assert never is None
    assert breaker.last_failure_time is not None
    assert earliest <= breaker.last_failure_time <= time.time()


def test_the_last_state_change_is_the_time_of_the_change_and_at_first_the_time_of_the_making() -> None:
    breaker = CircuitBreaker(failure_threshold=2)
    made = breaker.last_state_change

    fail(breaker, 1)
    unmoved, between = breaker.last_state_change, time.time()
    fail(breaker, 1)

    assert unmoved == made <= between <= breaker.last_state_change <= time.time()


def test_a_snapshot_of_an_open_circuit_has_every_field(clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=2, recovery_time=30, clock=clock)
    breaker.record_success()
    breaker.record_failure(TimeoutError())
    breaker.record_failure(ConnectionError())
    breaker.can_execute()
    clock.advance(10)

    seen = dataclasses.asdict(breaker.snapshot())

    assert seen.pop("opened_at") == pytest.approx(time.time(), abs=5)
    assert seen.pop("last_failure_time") == breaker.last_failure_time
    assert len(seen.pop("episode")) == 16
    assert seen == {
        "name": "payments",
        "key": None,
        "state": CircuitState.OPEN,
        "mode": Mode.ENFORCE,
        "calls": {"success": 1, "failure": 2, "ignored": 0, "rejected": 1, "cancelled": 0},
        "consecutive_failures": 2,
        "window_calls": 0,
        "window_failures": 0,
        "window_slow": 0,
        "probes_in_flight": 0,
        "calls_in_flight": None,
        "max_in_flight": None,
        "retry_after": 20.0,
        "last_failure_type": "ConnectionError",
        "actor": None,
        "reason": None,
    }


def test_a_snapshot_counts_the_window_and_the_slow_calls_in_it(clock: FakeClock) -> None:
    breaker = CircuitBreaker("slow", slow_call_duration=2, slow_call_rate=1, minimum_calls=10, clock=clock)
    permit = breaker.can_execute()
    clock.advance(2)
    breaker.record_success(permit)
    breaker.record_failure(permit=breaker.can_execute())

    snapshot = breaker.snapshot()

    assert (snapshot.window_calls, snapshot.window_failures, snapshot.window_slow) == (2, 1, 1)


def test_a_snapshot_counts_the_probes_in_flight(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, half_open_calls=2, clock=clock)
    fail(breaker, 1)
    clock.advance(60)

    breaker.can_execute()

    assert breaker.snapshot().probes_in_flight == 1


def test_a_snapshot_is_frozen_and_does_not_follow_the_circuit() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    snapshot = breaker.snapshot()

    fail(breaker, 1)

    assert (snapshot.state, snapshot.calls["failure"]) == (CircuitState.CLOSED, 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.state = CircuitState.OPEN  # type: ignore[misc]


def test_a_closed_circuit_that_recovered_has_no_episode(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    fail(breaker, 1)
    clock.advance(60)
    breaker.record_success(breaker.can_execute())

    snapshot = breaker.snapshot()

    assert (snapshot.state, snapshot.episode, snapshot.opened_at) == (CircuitState.CLOSED, None, None)


# --- a life long


def test_copies_share_the_breaker() -> None:
    service = Service()

    copied, deeply = copy.copy(service.breaker), copy.deepcopy(service).breaker

    assert copied is deeply is service.breaker


def test_replaced_settings_keep_the_streak() -> None:
    breaker = CircuitBreaker(failure_threshold=5)
    fail(breaker, 2)

    breaker._replace_settings(Settings(failure_threshold=3))
    fail(breaker, 1)

    assert breaker.state is CircuitState.OPEN


def test_replaced_settings_keep_the_window() -> None:
    breaker = CircuitBreaker(failure_rate=0.9, window=10, minimum_calls=4)
    breaker.record_success()
    fail(breaker, 2)

    breaker._replace_settings(Settings(failure_rate=0.75, window=20, minimum_calls=4))
    fail(breaker, 1)

    assert breaker.state is CircuitState.OPEN


def test_replaced_settings_keep_an_open_circuit_open(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    fail(breaker, 1)
    before = breaker.snapshot()

    breaker._replace_settings(Settings(failure_threshold=9))

    assert breaker.snapshot() == before
    assert breaker.settings.failure_threshold == 9
