"""Invalid settings raise where they are passed, and none is replaced in silence."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from otel_breaker import CircuitBreaker, InvalidSettings, get_breaker
from otel_breaker.settings import Settings

FALSY: list[Any] = [0, 0.0, "", [], {}, False]
NONSENSE: list[Any] = [0, -1, math.nan, math.inf, -math.inf, "5", [], {}, object()]
NUMBERS = [
    "failure_threshold",
    "failure_rate",
    "slow_call_duration",
    "slow_call_rate",
    "window",
    "minimum_calls",
    "recovery_time",
    "recovery_backoff",
    "recovery_time_max",
    "half_open_calls",
    "probe_timeout",
    "max_keys",
]
DURATIONS = ["slow_call_duration", "recovery_time", "recovery_time_max", "probe_timeout"]


def shown(value: object) -> str:
    return f"{type(value).__name__} {value!r:.12}"


@pytest.mark.parametrize("setting", NUMBERS)
@pytest.mark.parametrize("value", FALSY, ids=shown)
def test_a_falsy_setting_is_refused_and_not_replaced_by_a_default(setting: str, value: Any) -> None:
    with pytest.raises(InvalidSettings, match=f"^{setting}: "):
        CircuitBreaker(**{setting: value})


def test_an_empty_name_is_refused_and_not_replaced_by_the_name_of_a_place() -> None:
    with pytest.raises(ValueError):
        get_breaker("")


@pytest.mark.parametrize("setting", NUMBERS)
@pytest.mark.parametrize("value", NONSENSE, ids=shown)
def test_nonsense_is_refused_when_the_breaker_is_made(setting: str, value: Any) -> None:
    with pytest.raises(InvalidSettings, match=f"^{setting}: "):
        CircuitBreaker(**{setting: value})


@pytest.mark.parametrize("setting", NUMBERS)
@pytest.mark.parametrize(
    "value", [True, 1 + 1j, b"5", (5,), timedelta(0), timedelta(-1), "-1s", "1 week", "nan"], ids=shown
)
def test_a_setting_that_only_looks_like_a_number_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(InvalidSettings, match=f"^{setting}: "):
        CircuitBreaker(**{setting: value})


@pytest.mark.parametrize("setting", ["failure_rate", "slow_call_rate", "recovery_backoff", *DURATIONS])
def test_a_number_too_large_to_be_a_float_is_refused(setting: str) -> None:
    with pytest.raises(InvalidSettings, match=f"^{setting}: "):
        CircuitBreaker(**{setting: 10**400})  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", ["failure_on", "ignore"])
@pytest.mark.parametrize("value", [5, "not a name", [int], object, None], ids=shown)
def test_exceptions_that_are_none_are_refused(setting: str, value: Any) -> None:
    with pytest.raises(InvalidSettings, match=f"^{setting}"):
        CircuitBreaker(**{setting: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"slow_call_rate": 0.5},
        {"recovery_time": 100, "recovery_time_max": 99},
        {"failure_rate": 1.01},
        {"recovery_jitter": 1.01},
        {"recovery_jitter": -0.01},
        {"mode": "enforced"},
        {"failure_treshold": 3},
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings):
        CircuitBreaker(**settings)


def test_the_smallest_and_the_largest_that_make_sense_are_taken_as_they_are() -> None:
    settings: dict[str, Any] = {
        "failure_threshold": 1,
        "failure_rate": 1,
        "window": 1,
        "minimum_calls": 1,
        "recovery_time": 0.001,
        "recovery_backoff": 1,
        "recovery_jitter": 0,
        "half_open_calls": 1,
        "probe_timeout": 1e9,
    }

    made = CircuitBreaker(**settings).settings

    assert {name: getattr(made, name) for name in settings} == settings
    assert isinstance(made, Settings)
