from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_breaker.core.windows import LastCalls, LastSeconds, WindowTotals
from tests.core.harness import MIDDLE, RECOVERY, policy, reproducible

if TYPE_CHECKING:
    from otel_breaker.core.policy import Policy

EARLIEST, LATEST = 0.0, 1.0
JUST_BELOW_LATEST = 0.999_999


@pytest.mark.parametrize(
    ("numbers", "needed"),
    [
        (policy(), False),
        (policy(calls=10), False),
        (policy(seconds=10), True),
        (policy(slow=2), True),
        (policy(calls=10, slow=2), True),
    ],
)
def test_a_clock_is_needed_for_slow_calls_and_for_a_window_of_time(numbers: Policy, needed: bool) -> None:
    assert numbers.needs_clock is needed


@pytest.mark.parametrize(("seconds", "slow"), [(1.999, False), (2.0, True), (2.001, True)])
def test_a_call_is_slow_from_the_limit_on(seconds: float, slow: bool) -> None:
    assert policy(slow=2).is_slow(1_000.0, 1_000.0 + seconds) is slow


def test_no_call_is_slow_without_a_limit() -> None:
    assert not policy().is_slow(1_000.0, 1e9)


def test_a_call_without_a_start_time_is_not_slow() -> None:
    assert not policy(slow=2).is_slow(None, 1e9)


@pytest.mark.parametrize(
    ("numbers", "kind"), [(policy(), None), (policy(calls=10), LastCalls), (policy(seconds=10), LastSeconds)]
)
def test_there_is_a_window_only_where_a_rule_needs_one(numbers: Policy, kind: type | None) -> None:
    window = numbers.new_window()

    assert type(window) is kind if kind else window is None


def test_new_windows_have_the_size_of_the_policy() -> None:
    calls, seconds = policy(calls=7).new_window(), policy(seconds=9).new_window()

    assert isinstance(calls, LastCalls)
    assert calls.size == 7
    assert isinstance(seconds, LastSeconds)
    assert seconds.seconds == 9


def test_a_window_of_calls_is_kept_and_resized_for_another_number_of_calls() -> None:
    old = LastCalls(10)
    for _ in range(10):
        old.add(0.0, 0, failed=True, slow=False)

    fitted = policy(calls=4).fit_window(old)

    assert fitted is old
    assert old.totals(0.0, 0) == WindowTotals(4, 4, 0)


def test_a_window_of_time_is_kept_for_the_same_time_only() -> None:
    old = LastSeconds(10)

    assert policy(seconds=10).fit_window(old) is old
    assert policy(seconds=11).fit_window(old) is not old


@pytest.mark.parametrize("old", [None, LastCalls(10), LastSeconds(10)])
def test_a_window_is_dropped_when_no_rule_needs_it_any_more(old: LastCalls | LastSeconds | None) -> None:
    assert policy().fit_window(old) is None


@pytest.mark.parametrize("old", [None, LastCalls(10)])
def test_a_window_of_another_kind_gives_way_to_a_new_one(old: LastCalls | None) -> None:
    assert isinstance(policy(seconds=10).fit_window(old), LastSeconds)


def open_times(numbers: Policy, openings: int) -> list[float]:
    """Seconds that the circuit stays open, for each opening."""
    times: list[float] = []
    base: float | None = None
    for _ in range(openings):
        base, time = numbers.open_time(base, None, MIDDLE)
        times.append(time)
    return times


@pytest.mark.parametrize(
    ("backoff", "longest", "expected"),
    [
        (1, 600, [60, 60, 60, 60, 60]),
        (2, 600, [60, 120, 240, 480, 600]),
        (3, 100, [60, 100, 100, 100, 100]),
        (2, 60, [60, 60, 60, 60, 60]),
    ],
)
def test_each_relapse_multiplies_the_open_time_up_to_the_longest(
    backoff: float, longest: float, expected: list[float]
) -> None:
    assert open_times(policy(backoff=backoff, longest=longest), 5) == expected


def test_a_thousand_relapses_overflow_nothing() -> None:
    assert open_times(policy(backoff=1e300), 1_000)[-1] == 600


def test_a_lower_cap_in_new_settings_caps_what_had_grown() -> None:
    _, time = policy(backoff=2, longest=100).open_time(480, None, MIDDLE)

    assert time == 100


def test_a_base_below_the_recovery_time_of_new_settings_is_lifted_to_it() -> None:
    _, time = policy(backoff=2).open_time(10, None, MIDDLE)

    assert time == RECOVERY


@pytest.mark.parametrize(("random", "expected"), [(EARLIEST, 48), (MIDDLE, 60), (LATEST, 72)])
def test_jitter_spreads_the_open_time_to_both_sides(random: float, expected: float) -> None:
    _, time = policy(jitter=0.2).open_time(None, None, random)

    assert time == pytest.approx(expected)


def test_jitter_does_not_feed_the_backoff() -> None:
    base, _ = policy(jitter=0.2, backoff=2).open_time(None, None, LATEST)

    assert base == RECOVERY


@pytest.mark.parametrize(("requested", "expected"), [(90, 90), (0, 0), (-5, 0), (601, 600), (float("inf"), 600)])
def test_a_requested_wait_is_bounded(requested: float, expected: float) -> None:
    _, time = policy().open_time(None, requested, MIDDLE)

    assert time == expected


@pytest.mark.parametrize(("random", "expected"), [(EARLIEST, 90), (MIDDLE, 99), (LATEST, 108)])
def test_jitter_never_shortens_a_requested_wait(random: float, expected: float) -> None:
    _, time = policy(jitter=0.2).open_time(None, 90, random)

    assert time == pytest.approx(expected)


def test_a_requested_wait_does_not_feed_the_backoff() -> None:
    base, _ = policy(backoff=2).open_time(120, 500, MIDDLE)

    assert base == 240


@reproducible
@given(
    previous=st.none() | st.floats(0, 1e6),
    requested=st.none() | st.floats(-1e6, 1e6),
    random=st.floats(0, JUST_BELOW_LATEST),
    spread=st.floats(0, 1),
    backoff=st.floats(1, 10),
)
def test_no_open_time_is_negative_or_beyond_the_longest_and_its_spread(
    previous: float | None, requested: float | None, random: float, spread: float, backoff: float
) -> None:
    base, time = policy(jitter=spread, backoff=backoff, longest=600).open_time(previous, requested, random)

    assert RECOVERY <= base <= 600
    assert 0 <= time <= 600 * (1 + spread)


@pytest.mark.parametrize("requested", [None, 1.7e308])
@pytest.mark.parametrize("previous", [None, 1.7e308])
def test_the_longest_open_time_that_is_spread_is_a_number_still(
    previous: float | None, requested: float | None
) -> None:
    longest = policy()._replace(
        recovery_time=1.7e308, recovery_time_max=1.7e308, recovery_backoff=10, recovery_jitter=1
    )

    _, open_time = longest.open_time(previous, requested, 0.999)

    assert 1.7e308 <= open_time < math.inf
    assert 1_000.0 + open_time < math.inf  # when it ends
