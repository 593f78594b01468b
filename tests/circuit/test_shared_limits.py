"""The limit of calls in flight of a name: all its circuits share it, and its settings, holders and number change."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import (
    CircuitBreaker,
    ConcurrencyLimitError,
    get_breaker,
)
from otel_breaker.circuit.limits import LIMITS
from otel_breaker.settings import Mode, Settings
from tests.circuit.limited import NUMBERS, enter, in_flight, limited, refusal_of
from tests.conformance.conftest import Broken, fail

if TYPE_CHECKING:
    from tests.fakes import FakeClock


# --- one limit for a name


def test_all_keys_of_a_name_share_one_limit() -> None:
    one, other = (get_breaker("limited by key", key=key, max_in_flight=1) for key in ("eu", "us"))

    with one.guard():
        refusal = refusal_of(lambda: enter(other))

    assert (type(refusal), refusal.key) == (ConcurrencyLimitError, "us")
    enter(other)


def test_all_breakers_of_a_name_share_one_limit_of_the_settings_that_came_last() -> None:
    one, other = (CircuitBreaker("limited twice", max_in_flight=number) for number in (1, 2))

    with one.guard(), other.guard():
        assert type(refusal_of(lambda: enter(one))) is ConcurrencyLimitError

    assert (one.snapshot().max_in_flight, other.snapshot().max_in_flight) == (2, 2)


def test_breakers_of_other_names_have_limits_of_their_own() -> None:
    one, other = (CircuitBreaker(name, max_in_flight=1) for name in ("limited one", "limited other"))

    with one.guard():
        enter(other)


def test_a_limit_is_collected_with_its_last_circuit() -> None:
    breaker = CircuitBreaker("limited for a moment", max_in_flight=1)
    assert "limited for a moment" in LIMITS._by_name

    del breaker
    gc.collect()

    assert "limited for a moment" not in LIMITS._by_name


def test_threads_that_make_circuits_of_one_name_at_once_get_one_limit() -> None:
    ready = threading.Barrier(8)

    def make(number: int) -> list[CircuitBreaker]:
        made = []
        for each in range(20):
            ready.wait()
            made.append(CircuitBreaker(f"limited {each}", key=str(number), max_in_flight=1))
        return made

    with ThreadPoolExecutor(8) as threads:
        of_threads = list(threads.map(make, range(8)))

    for made in zip(*of_threads, strict=True):
        assert len({id(breaker._circuit.fast_path.limit) for breaker in made}) == 1


@pytest.mark.parametrize("keys", [1, 3])
def test_of_threads_that_call_at_once_no_more_than_the_limit_run(keys: int) -> None:
    name, running, most = f"limited {next(NUMBERS)}", list[int](), []
    breakers = [CircuitBreaker(name, key=str(key), max_in_flight=3, failure_threshold=None) for key in range(keys)]

    def work() -> None:
        running.append(1)
        most.append(len(running))
        running.pop()

    async def work_later() -> None:
        work()

    def call(number: int) -> None:
        breaker = breakers[number % keys]
        guarded, later = breaker(work), breaker(work_later)
        for _ in range(300):
            with suppress(ConcurrencyLimitError):
                guarded()
            with suppress(ConcurrencyLimitError), breaker.guard():
                work()
            with suppress(ConcurrencyLimitError, StopIteration):
                later().send(None)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(call, range(12)))

    assert max(most) <= 3
    assert breakers[0].snapshot().calls_in_flight == 0
    assert sum(sum(breaker.snapshot().calls.values()) for breaker in breakers) == 12 * 300 * 3


# --- other settings


def test_another_limit_applies_at_once_and_keeps_the_calls_in_flight() -> None:
    breaker = limited(1)

    with breaker.guard():
        breaker._replace_settings(Settings(max_in_flight=2))
        enter(breaker)
        with breaker.guard():
            assert type(refusal_of(lambda: enter(breaker))) is ConcurrencyLimitError


def test_a_limit_that_is_lifted_and_set_again_during_a_call_keeps_no_place() -> None:
    breaker = limited(1)

    with breaker.guard():
        breaker._replace_settings(Settings())
    breaker._replace_settings(Settings(max_in_flight=1))

    assert in_flight(breaker) == 0


@pytest.mark.parametrize("lifted", [Settings(), Settings(max_in_flight=1, mode=Mode.OFF)], ids=["none", "off"])
def test_a_call_that_ends_while_a_limit_is_lifted_keeps_no_place(lifted: Settings) -> None:
    breaker = limited(1)
    guarded = breaker(int)  # keeps the limit alive

    with breaker.guard() as block:
        breaker._replace_settings(lifted)
    breaker._replace_settings(Settings(max_in_flight=1))

    assert in_flight(breaker) == 0
    guarded()
    del block


@pytest.mark.parametrize("lifted", [Settings(), Settings(max_in_flight=1, mode=Mode.OFF)], ids=["none", "off"])
def test_a_permit_whose_outcome_is_recorded_while_a_limit_is_lifted_keeps_no_place(lifted: Settings) -> None:
    breaker = limited(1)
    guarded = breaker(int)

    permit = breaker.can_execute()
    breaker._replace_settings(lifted)
    breaker.record_success(permit)
    breaker._replace_settings(Settings(max_in_flight=1))

    assert in_flight(breaker) == 0
    guarded()


def test_a_limit_that_is_set_during_a_call_does_not_count_that_call() -> None:
    breaker = CircuitBreaker("limited later")

    with breaker.guard():
        breaker._replace_settings(Settings(max_in_flight=1))
        enter(breaker)

    assert in_flight(breaker) == 0


# --- two-step permits


def test_a_permit_holds_its_place_until_its_outcome_is_recorded() -> None:
    breaker = limited(1)

    permit = breaker.can_execute()
    assert breaker.can_execute() is None
    breaker.record_success(permit)

    assert in_flight(breaker) == 0


@pytest.mark.parametrize(("seconds", "admitted"), [(19, False), (20, True)])
def test_a_place_is_taken_back_from_a_permit_without_an_outcome_after_the_probe_timeout(
    clock: FakeClock, seconds: float, admitted: bool
) -> None:
    breaker = limited(1, probe_timeout=20, clock=clock)
    forgotten = breaker.can_execute()
    assert forgotten

    clock.advance(seconds)

    assert (breaker.can_execute() is not None) is admitted


def test_a_place_that_was_taken_back_is_not_given_back_twice(clock: FakeClock) -> None:
    breaker = limited(1, probe_timeout=20, clock=clock)
    forgotten = breaker.can_execute()
    clock.advance(20)
    assert breaker.can_execute()

    breaker.record_success(forgotten)

    assert in_flight(breaker) == 1


def test_a_permit_of_a_longer_call_is_kept_when_the_place_of_an_older_one_is_taken_back(clock: FakeClock) -> None:
    breaker = limited(2, probe_timeout=20, clock=clock)
    breaker.can_execute()
    clock.advance(10)
    breaker.can_execute()
    clock.advance(10)

    assert [bool(breaker.can_execute()) for _ in range(2)] == [True, False]
    clock.advance(10)
    assert breaker.can_execute()


# --- a limit that adapts


def end_at_once(breaker: CircuitBreaker, clock: FakeClock, calls: int, seconds: float, error: Exception | None) -> int:
    """The limit after some calls that began together; `tests/core` has the rules of the algorithm."""
    permits = [breaker.can_execute() for _ in range(calls)]
    clock.advance(seconds)
    for permit in permits:
        if error is None:
            breaker.record_success(permit)
        else:
            breaker.record_failure(error, permit)
    return breaker.snapshot().max_in_flight or 0


@pytest.mark.parametrize(("seconds", "error"), [(2, None), (0.1, Broken())], ids=["slow", "failed"])
def test_calls_that_are_slow_or_fail_lower_a_limit_that_adapts_and_good_ones_raise_it(
    clock: FakeClock, seconds: float, error: Exception | None
) -> None:
    breaker = limited("auto", slow_call_duration=1, failure_threshold=None, clock=clock)
    first = breaker.snapshot().max_in_flight or 0

    lowered = end_at_once(breaker, clock, first, seconds, error)
    raised = [end_at_once(breaker, clock, lowered, 0.1, None) for _ in range(3)][-1]

    assert lowered < first
    assert raised > lowered


def test_a_limit_that_adapts_tolerates_some_failures_among_many_calls_of_one_round_trip(clock: FakeClock) -> None:
    breaker = limited("auto", slow_call_duration=60, failure_threshold=None, clock=clock)
    long = breaker.can_execute()
    clock.advance(10)
    breaker.record_success(long)  # the round trip takes 10 s
    before = breaker.snapshot().max_in_flight

    for _ in range(10):
        for _ in range(9):
            breaker.call(int)
        fail(breaker)

    assert breaker.snapshot().max_in_flight == before
