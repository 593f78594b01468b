from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import pytest

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import messages, readers
from otel_breaker.settings.references import function, matchers

Reader: TypeAlias = Callable[[object, str], object]

NO_NUMBERS: list[object] = [None, True, "5", "", [], {}, math.nan, math.inf, -math.inf, 1j]
LARGEST = 2**63 - 1
"""The largest whole number that telemetry can carry."""
HUGE = 10**400
"""Beyond the range of a float."""


@pytest.mark.parametrize(
    ("read", "value", "kept"),
    [
        (readers.whole(1), 1, 1),
        (readers.whole(1), LARGEST, LARGEST),
        (readers.share, 1, 1.0),
        (readers.share, 0.001, 0.001),
        (readers.share_or_zero, 0, 0.0),
        (readers.share_or_zero, 1, 1.0),
        (readers.factor, 1, 1.0),
        (readers.factor, 2.5, 2.5),
    ],
)
def test_a_value_within_its_bounds_is_kept(read: Reader, value: object, kept: object) -> None:
    assert read(value, "here") == kept


BAD: list[tuple[Reader, list[object]]] = [
    (readers.whole(1), [0, -1, 1.0, 1.5, LARGEST + 1]),
    (readers.share, [0, -0.1, 1.001, 2, HUGE]),
    (readers.share_or_zero, [-0.001, 1.001, HUGE]),
    (readers.factor, [0, 0.999, -2, HUGE]),
    (readers.duration, [0, -1, 0.0, HUGE, timedelta(0), timedelta(seconds=-1)]),
    (readers.interval, [0, -1, 0.009, "0.001ms", "9ms", timedelta(milliseconds=9)]),
    (readers.window, [0, -1, 1.0, 60.0, "0s", LARGEST + 1, timedelta(0), timedelta(seconds=-1)]),
]


@pytest.mark.parametrize(("read", "value"), [(read, value) for read, bad in BAD for value in [*NO_NUMBERS, *bad]])
def test_a_value_out_of_its_bounds_is_refused(read: Reader, value: object) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read(value, "breakers.payments.here")

    assert refused.value.path == "breakers.payments.here"
    shown = "a number beyond 64 bits" if value in (HUGE, LARGEST + 1) else repr(value)
    assert refused.value.problem == f"{shown} is not allowed"
    assert refused.value.remedy


@pytest.mark.parametrize(("read"), [read for read, _ in BAD])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(10**400, "a number beyond 64 bits", id="of 400 digits"),
        pytest.param(-(10**400), "a number beyond 64 bits", id="of 400 digits below zero"),
        pytest.param(16**20_000, "a number beyond 64 bits", id="of 24,000 digits"),
        (object(), "object"),
        (partial(print, "hunter2"), "functools.partial"),
        (["hunter2"], "a list"),
        ({"hunter2": 1}, "a mapping"),
    ],
)
def test_a_value_is_shown_by_its_kind_where_it_may_be_long_or_hold_secrets(
    read: Reader, value: object, shown: str
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read(value, "here")

    assert refused.value.problem == f"{shown} is not allowed"


@pytest.mark.parametrize(
    "read", [readers.whole(1), readers.share, readers.share_or_zero, readers.factor, readers.mapping]
)
def test_text_is_not_shown_where_no_text_is_allowed(read: Reader) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read("hunter2", "here")

    assert refused.value.problem == "text is not allowed"


@pytest.mark.parametrize("value", ["postgresql://app:hunter2@host", "token=hunter2", "/a?hunter2", "a;hunter2"])
def test_text_that_may_hold_secrets_is_not_shown_where_text_is_allowed(value: str) -> None:
    for read in (readers.duration, readers.window, function, matchers):
        with pytest.raises(InvalidSettings) as refused:
            read(value, "here")

        assert "hunter2" not in str(refused.value)


def test_a_key_is_shown_on_one_line_and_bounded() -> None:
    assert (
        InvalidSettings(messages.below("breakers", "x\n2026 FORGED \x1b[2J"), "", "").path
        == "breakers.x�2026 FORGED �[2J"
    )
    assert len(messages.below("breakers", "x" * 1000)) < 100
    assert messages.below("", "API_KEY=hunter2") == "(a name of 15 characters)"
    assert messages.below("breakers", 16**20_000) == "breakers.a number beyond 64 bits"


def test_text_is_text_that_is_not_empty() -> None:
    assert readers.text("payments", "here") == "payments"
    for value in ("", None, 5, ["payments"]):
        with pytest.raises(InvalidSettings):
            readers.text(value, "here")


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
    assert readers.duration(written, "here") == pytest.approx(seconds)


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
    for read in (readers.duration, readers.window):
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
    assert readers.window(written, "here") == kept


@pytest.mark.parametrize("written", ["0.0001ms", "86400000000000s"])
def test_a_window_beyond_the_range_of_a_timedelta_is_refused(written: str) -> None:
    with pytest.raises(InvalidSettings):
        readers.window(written, "here")


@pytest.mark.parametrize(("written", "kept"), [(None, None), (0.5, 0.5)])
def test_an_optional_value_may_be_missing(written: object, kept: object) -> None:
    assert readers.optional(readers.share)(written, "here") == kept


def test_an_optional_value_that_is_there_is_checked() -> None:
    with pytest.raises(InvalidSettings):
        readers.optional(readers.share)(2, "here")


def test_a_long_value_is_shown_in_part() -> None:
    error = messages.allowed("here", "x" * 10_000, "something short")

    assert "'xxx" in error.problem
    assert len(error.problem) < 120


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("windw", "did you mean 'window'?"), ("qqq", "known are mode, recovery_time, window")],
)
def test_the_remedy_for_an_unknown_name_is_the_nearest_one_or_all(name: str, remedy: str) -> None:
    assert messages.nearest(name, ["window", "mode", "recovery_time"]) == remedy


@pytest.mark.parametrize("known", [[], [f"name_{number}" for number in range(100)]])
def test_names_too_few_or_too_many_to_list_are_not_listed(known: list[str]) -> None:
    assert messages.nearest("qqq", known) == "is it spelt right?"


def test_the_error_has_path_problem_and_remedy() -> None:
    with pytest.raises(InvalidSettings) as refused:
        readers.share(2, "defaults.failure_rate")

    assert str(refused.value) == ("defaults.failure_rate: 2 is not allowed: a share above 0 and at most 1, such as 0.5")


@pytest.mark.parametrize("value", [0.01, "10ms", timedelta(milliseconds=10), "1h"])
def test_an_interval_of_10_milliseconds_or_more_is_kept(value: object) -> None:
    assert readers.interval(value, "here") == readers.duration(value, "here")
