"""The limit of calls in flight: places, and who gets them. How an adaptive one is found: test_adaptive_limit.py."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from otel_breaker.core.adaptive_limit import AdaptiveLimit
from otel_breaker.core.concurrency import ConcurrencyLimit
from otel_breaker.core.permits import Permit
from otel_breaker.core.states import CircuitState, Outcome


def permit() -> Permit:
    return Permit.of(0, CircuitState.CLOSED)


def full(number: int) -> tuple[ConcurrencyLimit, list[Permit]]:
    limit, permits = ConcurrencyLimit(number, None), [permit() for _ in range(number)]
    assert all(limit.enter(one) for one in permits)
    return limit, permits


@pytest.mark.parametrize("number", [1, 2, 10])
def test_so_many_calls_enter_and_no_more(number: int) -> None:
    limit, _ = full(number)

    assert not limit.enter(permit())
    assert limit.number_in_flight == number


def test_a_call_that_leaves_gives_its_place_back() -> None:
    limit, (first, *_) = full(2)

    limit.leave(first)

    assert limit.enter(permit())


def test_a_call_that_leaves_again_gives_no_other_place_back() -> None:
    limit, (first, *_) = full(2)
    limit.leave(first)
    limit.enter(permit())

    limit.leave(first)

    assert not limit.enter(permit())


def test_a_call_that_was_refused_has_no_place() -> None:
    limit, permits = full(2)
    limit.enter(permit())

    for one in permits:
        limit.leave(one)

    assert limit.number_in_flight == 0


def test_a_place_is_taken_back_at_its_deadline() -> None:
    limit = ConcurrencyLimit(1, None)
    limit.enter(permit(), 20.0)

    assert not limit.take_back_expired(19.9)
    assert limit.take_back_expired(20.0)
    assert limit.enter(permit())


def test_no_call_is_in_flight_after_all_are_forgotten() -> None:
    limit, _ = full(2)

    limit.forget_calls_in_flight()

    assert limit.number_in_flight == 0


def test_nothing_that_calls_do_changes_a_fixed_limit() -> None:
    limit, permits = full(2)

    for one in permits:
        limit.leave(one)
        limit.record(Outcome.FAILURE, 1.0, 2.0, 1)
    limit.note_refusal()

    assert (limit.limit, limit.slow_after, limit.quiet_until) == (2, inf, inf)


def test_until_calls_are_bad_an_adaptive_limit_refuses_none() -> None:
    limit = ConcurrencyLimit(None, 0.5)

    assert all(limit.enter(permit()) for _ in range(1_000))
    assert limit.limit >= 1_000


def test_after_bad_calls_an_adaptive_limit_refuses_the_calls_over_it() -> None:
    limit = ConcurrencyLimit(None, 0.5)
    for _ in range(100):
        limit.record(Outcome.FAILURE, 1.0, 1.1, 1)

    assert [limit.enter(permit()) for _ in range(3)] == [True, False, False]


def test_the_call_that_ends_counts_as_used() -> None:
    limit = ConcurrencyLimit(None, 0.5)
    before = limit.limit
    for _ in range(before - 1):
        limit.enter(permit())

    limit.record(Outcome.SUCCESS, 1.0, 1.1, 1)

    assert limit.limit == before + 1


def test_a_refusal_counts_as_the_whole_limit_used() -> None:
    limit = ConcurrencyLimit(None, 0.5)
    before = limit.limit

    limit.note_refusal()
    limit.record(Outcome.SUCCESS, 1.0, 1.1, 1)

    assert limit.limit == before + 1


def test_a_call_whose_start_is_not_known_adapts_nothing() -> None:
    limit = ConcurrencyLimit(None, 0.5)
    before = limit.limit

    limit.record(Outcome.FAILURE, None, 1.0, 1)
    limit.record(Outcome.FAILURE, None, 1.0, 1)

    assert limit.limit == before


def test_another_number_takes_effect_and_keeps_the_calls_in_flight() -> None:
    limit, _ = full(2)

    limit.adopt(3, None)

    assert limit.enter(permit())
    assert not limit.enter(permit())


@pytest.mark.parametrize("other", [None, 0.3])
def test_a_fixed_number_stays_though_it_comes_while_a_call_is_recorded(
    monkeypatch: pytest.MonkeyPatch, other: float | None
) -> None:
    limit, record = ConcurrencyLimit(None, other), AdaptiveLimit.record

    def interrupted(adaptive: AdaptiveLimit, *args: Any) -> None:
        record(adaptive, *args)
        limit.adopt(3, other)

    monkeypatch.setattr(AdaptiveLimit, "record", interrupted)
    limit.record(Outcome.SUCCESS, 1.0, 1.1, 1)

    assert (limit.limit, limit.quiet_until) == (3, inf)


def test_a_fixed_number_stays_though_it_comes_while_a_call_enters(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, follow = ConcurrencyLimit(None, None), AdaptiveLimit.follow

    def interrupted(adaptive: AdaptiveLimit, in_flight: int) -> bool:
        limit.adopt(3, None)
        return follow(adaptive, in_flight)

    monkeypatch.setattr(AdaptiveLimit, "follow", interrupted)
    while limit.number_in_flight <= limit.limit:
        limit.enter(permit())

    assert limit.limit == 3


def test_the_same_settings_again_keep_what_was_found() -> None:
    limit = ConcurrencyLimit(None, None)
    limit.record(Outcome.SUCCESS, 1.0, 1.1, 1)
    found = (limit.limit, limit.slow_after, limit.quiet_until)

    limit.adopt(None, None)

    assert (limit.limit, limit.slow_after, limit.quiet_until) == found
