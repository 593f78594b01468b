from __future__ import annotations

import operator
import pickle
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, Rule, SlowCallRate
from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import Keywords, Mode, Settings


def matches_nothing(error: BaseException) -> bool:
    return error is None


def test_the_defaults_are_those_of_the_design() -> None:
    settings = Settings()

    assert {spec.name: getattr(settings, spec.name) for spec in fields(settings)} == {
        "failure_threshold": 5,
        "failure_rate": None,
        "slow_call_duration": None,
        "slow_call_rate": None,
        "window": 100,
        "minimum_calls": 10,
        "max_in_flight": None,
        "recovery_time": 60,
        "recovery_backoff": 1,
        "recovery_time_max": 600,
        "recovery_jitter": 0,
        "retry_after": None,
        "half_open_calls": 1,
        "probe_timeout": 60,
        "failure_on": (Exception,),
        "ignore": (),
        "failure_result": None,
        "fallback": None,
        "mode": Mode.ENFORCE,
        "max_keys": 1000,
    }


def test_settings_from_a_mapping_are_those_from_keywords() -> None:
    assert Settings.from_mapping({"window": "60s", "ignore": KeyError}) == Settings(
        window=timedelta(seconds=60), ignore=(KeyError,)
    )


@pytest.mark.parametrize("mapping", [{}, {"failure_threshold": 3, "recovery_time": "30s"}])
def test_equal_settings_are_one_object(mapping: dict[str, object]) -> None:
    assert Settings.from_mapping(mapping) is Settings.from_mapping(dict(mapping))


def test_settings_that_only_compare_equal_are_read_each_on_their_own() -> None:
    Settings.from_mapping({"failure_threshold": 1})

    with pytest.raises(InvalidSettings):
        Settings.from_mapping({"failure_threshold": True})


def test_settings_with_code_of_the_application_are_not_compared() -> None:
    class Faulty(type):
        def __eq__(cls, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    class Failure(Exception, metaclass=Faulty):
        pass

    first, second = (Settings.from_mapping({"failure_on": [Failure]}) for _ in range(2))

    assert first is not second


def test_policy_is_made_once() -> None:
    settings = Settings.from_mapping({"failure_rate": 0.5})

    assert settings.policy is settings.policy


def test_pickled_settings_hold_the_settings_alone() -> None:
    settings = Settings.from_mapping({"failure_rate": 0.5})
    before = len(pickle.dumps(settings))
    CircuitBreaker(failure_rate=0.5)

    assert len(pickle.dumps(settings)) == before
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_every_setting_is_a_keyword_that_a_type_checker_knows() -> None:
    assert set(Keywords.__annotations__) == {spec.name for spec in fields(Settings)}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().failure_threshold = 3  # type: ignore[misc]


def test_keywords_are_checked_as_well() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings(failure_threshold=0)

    assert refused.value.path == "failure_threshold"


def test_the_remedy_for_an_unknown_name_is_the_nearest_one() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping({"failure_treshold": 3}, "breakers.payments")

    assert refused.value.path == "breakers.payments.failure_treshold"
    assert refused.value.remedy == "did you mean 'failure_threshold'?"


@pytest.mark.parametrize("name", ["qqq", "", 5, None])
def test_the_remedy_for_a_name_that_is_like_no_other_lists_all(name: Any) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping({name: 3})

    assert refused.value.path == str(name)
    assert "failure_threshold" in refused.value.remedy
    assert "probe_timeout" in refused.value.remedy


@pytest.mark.parametrize(
    ("mapping", "rules"),
    [
        ({}, [ConsecutiveFailures(5)]),
        ({"failure_threshold": 3}, [ConsecutiveFailures(3)]),
        ({"failure_threshold": None}, []),
        ({"failure_rate": None}, [ConsecutiveFailures(5)]),
        ({"failure_rate": 0.5, "failure_threshold": None}, [FailureRate(0.5, 10)]),
        ({"failure_rate": 0.5, "failure_threshold": 5}, [ConsecutiveFailures(5), FailureRate(0.5, 10)]),
        ({"slow_call_duration": "2s"}, [ConsecutiveFailures(5)]),
    ],
)
def test_every_rule_that_is_on_may_trip(mapping: dict[str, object], rules: list[Rule]) -> None:
    assert list(Settings.from_mapping(mapping).policy.rules) == rules


@pytest.mark.parametrize("rate", [{"failure_rate": 0.5}, {"slow_call_rate": 0.8, "slow_call_duration": "2s"}])
@pytest.mark.parametrize(
    ("window", "minimum_calls", "streak"),
    [(100, 10, 10), (100, 100, 100), (5, 10, 5), (1, 10, 1), ("60s", 200, 200)],
)
def test_where_a_rate_is_set_the_streak_that_trips_is_as_long_as_the_calls_before_a_rate(
    rate: dict[str, object], window: object, minimum_calls: int, streak: int
) -> None:
    settings = Settings.from_mapping({**rate, "window": window, "minimum_calls": minimum_calls})

    assert settings.failure_threshold == streak
    assert settings.policy.rules[0] == ConsecutiveFailures(streak)


@pytest.mark.parametrize(
    ("window", "minimum_calls", "least_calls"),
    [(100, 10, 10), (100, 100, 100), (5, 10, 5), (1, 10, 1), ("60s", 200, 200)],
)
def test_a_rate_can_trip_from_the_minimum_of_calls_or_a_full_window(
    window: object, minimum_calls: int, least_calls: int
) -> None:
    mapping = {"failure_threshold": None, "failure_rate": 0.5, "slow_call_rate": 0.5, "slow_call_duration": 2}

    policy = Settings.from_mapping({**mapping, "window": window, "minimum_calls": minimum_calls}).policy

    assert policy.rules == (FailureRate(0.5, least_calls), SlowCallRate(0.5, least_calls))


@pytest.mark.parametrize(
    ("mapping", "calls", "seconds"),
    [
        ({}, None, None),
        ({"window": "60s"}, None, None),
        ({"failure_rate": 0.5}, 100, None),
        ({"failure_rate": 0.5, "window": 20}, 20, None),
        ({"failure_rate": 0.5, "window": "60s"}, None, 60),
        ({"slow_call_rate": 0.5, "slow_call_duration": 2, "window": timedelta(minutes=1)}, None, 60),
    ],
)
def test_a_circuit_has_a_window_only_with_a_rate(
    mapping: dict[str, object], calls: int | None, seconds: float | None
) -> None:
    policy = Settings.from_mapping(mapping).policy

    assert (policy.window_calls, policy.window_seconds) == (calls, seconds)


def test_the_policy_has_the_numbers_of_the_settings() -> None:
    policy = Settings.from_mapping(
        {
            "slow_call_duration": "500ms",
            "recovery_time": "1m",
            "recovery_backoff": 2,
            "recovery_time_max": "10m",
            "recovery_jitter": 0.2,
            "half_open_calls": 3,
            "probe_timeout": "20s",
        }
    ).policy

    assert (policy.slow_call_duration, policy.recovery_time, policy.recovery_time_max) == (0.5, 60, 600)
    assert (policy.recovery_backoff, policy.recovery_jitter) == (2, 0.2)
    assert (policy.half_open_calls, policy.probe_timeout) == (3, 20)


@pytest.mark.parametrize(("recovery_time", "longest"), [("30s", 600), ("20m", 1200)])
def test_the_longest_open_time_is_at_least_the_recovery_time(recovery_time: str, longest: float) -> None:
    assert Settings.from_mapping({"recovery_time": recovery_time}).recovery_time_max == longest


def test_a_longest_open_time_below_the_recovery_time_is_refused() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping({"recovery_time": 30, "recovery_time_max": 29}, "defaults")

    assert (refused.value.path, refused.value.remedy) == (
        "defaults.recovery_time_max",
        "at least recovery_time (30 s)",
    )


def test_a_rate_of_slow_calls_needs_a_slow_call_duration() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping({"slow_call_rate": 0.5}, "defaults")

    assert (refused.value.path, refused.value.remedy) == ("defaults.slow_call_rate", "set slow_call_duration, too")


@pytest.mark.parametrize(
    ("written", "mode"),
    [("enforce", Mode.ENFORCE), ("shadow", Mode.SHADOW), ("off", Mode.OFF), (False, Mode.OFF), (Mode.OFF, Mode.OFF)],
)
def test_a_mode_is_a_word_or_what_yaml_makes_of_off(written: object, mode: Mode) -> None:
    assert Settings.from_mapping({"mode": written}).mode is mode


def test_resolving_imports_every_name_and_keeps_the_rest() -> None:
    mapping = {
        "failure_threshold": None,
        "window": "60s",
        "retry_after": "operator:not_",
        "failure_on": ["OSError", matches_nothing],
        "ignore": "KeyError",
        "failure_result": "operator:not_",
        "fallback": "builtins.dict",
    }

    settings = Settings.from_mapping(mapping).resolved()

    assert (settings.failure_threshold, settings.window) == (None, timedelta(seconds=60))
    assert settings.retry_after is settings.failure_result is operator.not_
    assert settings.fallback is dict
    assert (settings.failure_on, settings.ignore) == ((OSError, matches_nothing), (KeyError,))


def test_settings_without_names_are_resolved_as_they_are() -> None:
    settings = Settings.from_mapping({"ignore": [KeyError, matches_nothing], "retry_after": "retry_after"})

    assert settings.resolved() is settings


@pytest.mark.parametrize("name", ["retry_after", "failure_on", "ignore", "failure_result", "fallback"])
def test_every_setting_that_is_code_is_resolved(name: str) -> None:
    settings = Settings.from_mapping({name: "operator:not_"}).resolved()

    assert getattr(settings, name) in (operator.not_, (operator.not_,))


@pytest.mark.parametrize(
    ("fallback", "wants"),
    [
        (None, False),
        (lambda: None, False),
        (lambda amount: amount, False),
        (lambda amount, refusal: (amount, refusal), True),
        (lambda *, refusal: refusal, True),
        (dict, False),
        ("operator:not_", False),
    ],
)
def test_a_fallback_with_that_parameter_wants_the_refusal(fallback: object, wants: bool) -> None:
    assert Settings.from_mapping({"fallback": fallback}).resolved().fallback_wants_refusal is wants


@pytest.mark.parametrize(("name", "wrong"), [("ignore", "builtins.int"), ("failure_on", "sys.maxsize")])
def test_a_reference_to_an_object_of_the_wrong_kind_is_refused_with_its_path(name: str, wrong: str) -> None:
    settings = Settings.from_mapping({name: ["KeyError", wrong]}, "breakers.payments")

    with pytest.raises(InvalidSettings) as refused:
        settings.resolved()

    assert refused.value.path == f"breakers.payments.{name}[1]"


# --- single values


def test_values_are_read_one_by_one() -> None:
    read = Settings.read_values({"recovery_time": "500ms", "slow_call_rate": 0.5, "mode": "shadow"})

    assert read == {"recovery_time": 0.5, "slow_call_rate": 0.5, "mode": Mode.SHADOW}


def test_values_that_were_read_can_be_read_again() -> None:
    values: dict[str, object] = {
        "window": "60s",
        "ignore": ["KeyError"],
        "failure_result": "operator:not_",
        "retry_after": "retry_after",
        "mode": "off",
        "failure_threshold": None,
    }

    assert Settings.from_mapping(Settings.read_values(values)) == Settings.from_mapping(values)


@pytest.mark.parametrize(
    ("mapping", "path"),
    [({"window": 0}, "targets[0].window"), ({"windw": 5}, "targets[0].windw"), ({3: 4}, "targets[0].3")],
)
def test_a_value_that_is_wrong_by_itself_is_refused_by_its_path(mapping: Any, path: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.read_values(mapping, "targets[0]")

    assert refused.value.path == path
