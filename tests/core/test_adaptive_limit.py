"""An adaptive limit: what increases it, what decreases it, and what is slow."""

from __future__ import annotations

from math import inf

import pytest

from otel_breaker.core.adaptive_limit import AdaptiveLimit
from otel_breaker.core.states import Outcome

SLOW = 0.5
USUAL = 0.1


class Calls:
    """Calls one after the other; each lasts as long as it has to and ends with others in flight."""

    def __init__(self, slow_call_duration: float | None = SLOW) -> None:
        self.adaptive = AdaptiveLimit(slow_call_duration)
        self.now = 1_000.0

    @property
    def limit(self) -> int:
        return self.adaptive.limit

    def end(
        self,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        lasts: float = USUAL,
        in_flight: int = 1,
        times: int = 1,
        started: float | None = None,
        ended: int = 1,
    ) -> None:
        for _ in range(times):
            began = self.now if started is None else started
            self.now = max(self.now, began + lasts)
            self.adaptive.record(outcome, began, self.now, in_flight, ended)

    def decrease(self, to: int) -> None:
        while self.limit > to:
            self.end(Outcome.FAILURE, in_flight=min(self.limit, 5), times=2)


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_until_calls_are_bad_it_follows_the_calls_in_flight(calls: Calls) -> None:
    admits = calls.adaptive.follow(50)

    assert admits
    assert calls.limit == 50


def test_after_a_decrease_it_follows_no_more(calls: Calls) -> None:
    calls.decrease(5)

    admits = calls.adaptive.follow(50)

    assert not admits
    assert calls.limit == 5


@pytest.mark.parametrize(("seconds", "follows"), [(59.0, False), (60.0, True)])
def test_a_minute_after_the_last_decrease_it_follows_again(calls: Calls, seconds: float, follows: bool) -> None:
    calls.decrease(5)

    calls.now += seconds
    calls.end(lasts=0.0)

    assert calls.adaptive.follow(50) is follows


def test_a_minute_after_the_last_long_round_trips_it_follows_again(calls: Calls) -> None:
    calls.end(lasts=0.1, times=100)
    calls.end(lasts=0.25, times=3)
    before = calls.adaptive.follow(50)

    calls.now += 60
    calls.end(lasts=0.1)

    assert not before
    assert calls.adaptive.follow(50)


def test_a_round_trip_of_good_calls_increases_it_by_one(calls: Calls) -> None:
    before = calls.limit

    calls.end(in_flight=before)

    assert calls.limit == before + 1


def test_a_good_call_within_the_round_trip_does_not_increase_it(calls: Calls) -> None:
    calls.end(in_flight=8)
    after_the_first = calls.limit

    calls.end(in_flight=8, lasts=USUAL / 2)

    assert calls.limit == after_the_first


def test_a_round_trip_takes_as_long_as_the_call_that_began_it(calls: Calls) -> None:
    calls.end(lasts=0.3)

    assert calls.adaptive.quiet_until == calls.now + 0.3


def test_calls_of_no_time_share_a_round_trip(calls: Calls) -> None:
    calls.end(lasts=0.0)

    assert calls.adaptive.quiet_until > calls.now


def test_it_does_not_increase_while_less_than_half_of_it_is_used(calls: Calls) -> None:
    before = calls.limit

    calls.end(in_flight=before // 2, times=10)

    assert calls.limit == before


def test_the_most_calls_in_flight_of_a_round_trip_are_what_is_used(calls: Calls) -> None:
    before = calls.limit
    calls.adaptive.note_used(before)

    calls.end(in_flight=1)

    assert calls.limit == before + 1


def test_it_does_not_increase_above_twice_what_was_used(calls: Calls) -> None:
    calls.decrease(1)

    calls.end(in_flight=1, times=10)

    assert calls.limit == 2


@pytest.mark.parametrize("outcome", [Outcome.IGNORED, Outcome.CANCELLED])
def test_an_outcome_that_is_neither_good_nor_bad_changes_nothing(calls: Calls, outcome: Outcome) -> None:
    before = calls.limit

    calls.end(outcome, in_flight=before, times=10)

    assert calls.limit == before


@pytest.mark.parametrize(
    ("outcome", "lasts"), [(Outcome.FAILURE, 0.0), (Outcome.SUCCESS, SLOW), (Outcome.CANCELLED, SLOW)]
)
def test_failed_and_slow_calls_multiply_it(calls: Calls, outcome: Outcome, lasts: float) -> None:
    calls.end(outcome, lasts=lasts, in_flight=8, times=3)

    assert calls.limit == 5  # 0.7 x 8


@pytest.mark.parametrize(
    ("in_flight", "bad", "decreases"),
    [(1, 1, False), (1, 2, True), (3, 1, False), (3, 2, True), (4, 2, False), (4, 3, True)],
)
def test_half_of_the_calls_in_flight_and_at_most_two_are_no_evidence(
    calls: Calls, in_flight: int, bad: int, decreases: bool
) -> None:
    before = calls.limit

    calls.end(Outcome.FAILURE, in_flight=in_flight, times=bad)

    assert (calls.limit < before) is decreases


def test_one_bad_call_in_a_round_trip_is_no_evidence(calls: Calls) -> None:
    before = calls.limit

    for _ in range(10):
        calls.end(Outcome.FAILURE)
        calls.end()

    assert calls.limit == before


def test_bad_calls_decrease_it_when_they_are_more_than_a_fifth_of_the_calls_in_flight(calls: Calls) -> None:
    calls.adaptive.follow(50)

    calls.end(Outcome.FAILURE, in_flight=50, times=10)
    tolerated = calls.limit
    calls.end(Outcome.FAILURE, in_flight=50)

    assert (tolerated, calls.limit) == (50, 35)


@pytest.mark.parametrize(("ended", "decreases"), [(50, True), (60, False)])
def test_bad_calls_decrease_it_when_they_are_more_than_a_fifth_of_the_calls_that_ended(
    calls: Calls, ended: int, decreases: bool
) -> None:
    calls.end(in_flight=5)
    before = calls.limit

    calls.end(ended=ended - 10, in_flight=5, lasts=USUAL / 2)
    calls.end(Outcome.FAILURE, lasts=0.0, in_flight=5, times=11)

    assert (calls.limit < before) is decreases


def test_calls_that_began_before_a_decrease_do_not_decrease_it_again(calls: Calls) -> None:
    before = calls.now
    calls.end(Outcome.FAILURE, in_flight=8, times=3)
    decreased = calls.limit

    calls.end(Outcome.FAILURE, in_flight=8, started=before, times=10)

    assert calls.limit == decreased


def test_a_decrease_begins_at_no_more_than_twice_what_was_used(calls: Calls) -> None:
    calls.adaptive.follow(50)

    calls.end(Outcome.FAILURE, in_flight=5, times=3)

    assert calls.limit == 7  # 0.7 x 2 x 5


def test_it_is_never_less_than_one(calls: Calls) -> None:
    calls.end(Outcome.FAILURE, times=100)

    assert calls.limit == 1


def test_from_one_it_increases_again(calls: Calls) -> None:
    calls.end(Outcome.FAILURE, times=3)
    assert calls.limit == 1

    calls.end(in_flight=1)

    assert calls.limit == 2


def test_nothing_is_slow_before_a_call_has_succeeded() -> None:
    calls = Calls(slow_call_duration=None)

    assert calls.adaptive.slow_after == inf


def test_a_call_is_slow_from_four_times_the_usual_duration() -> None:
    calls = Calls(slow_call_duration=None)

    calls.end(lasts=USUAL, times=100)

    assert calls.adaptive.slow_after == pytest.approx(4 * USUAL)


def test_a_first_call_that_takes_long_is_soon_forgotten() -> None:
    calls = Calls(slow_call_duration=None)
    calls.end(lasts=100 * USUAL)

    calls.end(lasts=USUAL, times=2)

    assert calls.adaptive.slow_after == pytest.approx(4 * USUAL)


def test_half_a_minute_of_overload_does_not_become_usual() -> None:
    calls = Calls(slow_call_duration=None)
    calls.end(lasts=USUAL, times=600)

    calls.end(lasts=10 * USUAL, times=30)

    assert calls.adaptive.slow_after < 10 * USUAL


def test_a_dependency_that_stays_slower_becomes_usual() -> None:
    calls = Calls(slow_call_duration=None)
    calls.end(lasts=USUAL, times=6_000)

    calls.end(lasts=10 * USUAL, times=120)

    assert calls.adaptive.slow_after > 10 * USUAL


def test_the_first_call_that_ends_after_a_pause_counts_for_a_tenth_of_a_second() -> None:
    calls = Calls(slow_call_duration=None)
    calls.end(lasts=USUAL, times=100)

    calls.now += 60
    calls.end(lasts=USUAL / 100)

    assert calls.adaptive.slow_after > 3.9 * USUAL


def test_calls_of_no_time_make_no_other_slow_call() -> None:
    calls = Calls(slow_call_duration=None)

    calls.end(lasts=0.0, times=100)

    assert calls.adaptive.slow_after > 0.001


def test_another_slow_call_duration_takes_effect_and_keeps_the_limit(calls: Calls) -> None:
    calls.decrease(5)

    calls.adaptive.adopt(2.0)

    assert (calls.adaptive.slow_after, calls.limit) == (2.0, 5)


def test_after_three_long_round_trips_in_a_row_it_follows_no_more(calls: Calls) -> None:
    calls.end(lasts=0.1, times=100)

    calls.end(lasts=0.25, times=2)
    before = calls.adaptive.follow(50)
    calls.end(lasts=0.25)

    assert before
    assert not calls.adaptive.follow(60)
    assert calls.limit == 50


def test_round_trips_that_are_long_now_and_then_do_not_end_that(calls: Calls) -> None:
    calls.end(lasts=0.1, times=100)

    for _ in range(10):
        calls.end(lasts=0.25, times=2)
        calls.end(lasts=0.1, times=3)

    assert calls.adaptive.follow(50)


def test_round_trips_of_less_than_twice_the_usual_duration_do_not_end_that(calls: Calls) -> None:
    calls.end(lasts=0.1, times=100)

    calls.end(lasts=0.19, times=10)

    assert calls.adaptive.follow(50)
