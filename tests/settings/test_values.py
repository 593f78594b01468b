from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import values

Reader: TypeAlias = Callable[[object, str], object]

NO_NUMBERS = [None, True, "5", "", [], {}, object(), math.nan, math.inf, -math.inf, 1j]
HUGE = 10**400
"""More than a float can hold."""


@pytest.mark.parametrize(
    ("read", "value", "kept"),
    [
        (values.whole(1), 1, 1),
        (values.whole(1), HUGE, HUGE),
        (values.share, 1, 1.0),
        (values.share, 0.001, 0.001),
        (values.share_or_zero, 0, 0.0),
        (values.share_or_zero, 1, 1.0),
        (values.factor, 1, 1.0),
        (values.factor, 2.5, 2.5),
    ],
)
def test_a_value_within_its_bounds_is_kept(read: Reader, value: object, kept: object) -> None:
    assert read(value, "here") == kept


BAD: list[tuple[Reader, list[object]]] = [
    (values.whole(1), [0, -1, 1.0, 1.5]),
    (values.share, [0, -0.1, 1.001, 2, HUGE]),
    (values.share_or_zero, [-0.001, 1.001, HUGE]),
    (values.factor, [0, 0.999, -2, HUGE]),
    (values.duration, [0, -1, 0.0, HUGE, timedelta(0), timedelta(seconds=-1)]),
    (values.window, [0, -1, 1.0, 60.0, "0s", timedelta(0), timedelta(seconds=-1)]),
]


@pytest.mark.parametrize(("read", "value"), [(read, value) for read, bad in BAD for value in [*NO_NUMBERS, *bad]])
def test_a_value_out_of_its_bounds_is_refused(read: Reader, value: object) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read(value, "breakers.payments.here")

    assert refused.value.path == "breakers.payments.here"
    assert repr(value)[:80] in refused.value.problem
    assert refused.value.remedy


def test_text_is_text_that_is_not_empty() -> None:
    assert values.text("payments", "here") == "payments"
    for value in ("", None, 5, ["payments"]):
        with pytest.raises(InvalidSettings):
            values.text(value, "here")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5.0),
        (0.25, 0.25),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("1.5s", 1.5),
        ("10m", 600.0),
        ("2h", 7200.0),
        (" 30 s ", 30.0),
        (timedelta(minutes=2), 120.0),
    ],
)
def test_a_duration_is_seconds_or_text_with_a_unit(written: object, seconds: float) -> None:
    assert values.duration(written, "here") == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "30",
        "s",
        "-5s",
        "+5s",
        "0s",
        "0.0ms",
        "5 parsecs",
        "5d",
        "1m30s",
        "1e3s",
        ".5s",
        "5.s",
        "30S",
        "5s5",
        "nans",
        "9" * 400 + "s",
    ],
)
def test_text_that_is_no_duration_is_refused(written: str) -> None:
    for read in (values.duration, values.window):
        with pytest.raises(InvalidSettings):
            read(written, "here")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (1, 1),
        (100, 100),
        ("60s", timedelta(seconds=60)),
        ("500ms", timedelta(milliseconds=500)),
        ("0.001ms", timedelta(microseconds=1)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_a_window_is_a_number_of_calls_or_a_time(written: object, kept: object) -> None:
    assert values.window(written, "here") == kept


@pytest.mark.parametrize("written", ["0.0001ms", "86400000000000s"])
def test_a_window_that_no_clock_can_tell_is_refused(written: str) -> None:
    with pytest.raises(InvalidSettings):
        values.window(written, "here")


@pytest.mark.parametrize(("written", "kept"), [(None, None), (0.5, 0.5)])
def test_an_optional_value_may_be_missing(written: object, kept: object) -> None:
    assert values.optional(values.share)(written, "here") == kept


def test_an_optional_value_that_is_there_is_checked() -> None:
    with pytest.raises(InvalidSettings):
        values.optional(values.share)(2, "here")


def test_a_long_value_is_shown_in_part() -> None:
    error = values.allowed("here", "x" * 10_000, "something short")

    assert "'xxx" in error.problem
    assert len(error.problem) < 120


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("windw", "did you mean 'window'?"), ("qqq", "known are mode, recovery_time, window")],
)
def test_the_name_that_was_probably_meant_is_offered_or_all_there_are(name: str, remedy: str) -> None:
    assert values.nearest(name, ["window", "mode", "recovery_time"]) == remedy


@pytest.mark.parametrize("known", [[], [f"name_{number}" for number in range(100)]])
def test_names_too_few_or_too_many_to_list_are_not_listed(known: list[str]) -> None:
    assert values.nearest("qqq", known) == "is it spelt right?"


def test_the_error_says_where_what_and_what_instead() -> None:
    with pytest.raises(InvalidSettings) as refused:
        values.share(2, "defaults.failure_rate")

    assert str(refused.value) == ("defaults.failure_rate: 2 is not allowed: a share above 0 and at most 1, such as 0.5")
