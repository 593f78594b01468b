"""The settings in an entry under `targets:`, and which of several settings of one breaker applies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings, Mode
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARGE = "shop:charge"


def error_of(mapping: Mapping[str, object]) -> InvalidSettings:
    with pytest.raises(InvalidSettings) as caught:
        parse_configuration(mapping, "")
    return caught.value


def targets(*targets: Mapping[str, object]) -> Mapping[str, object]:
    return {"targets": list(targets)}


# --- its own settings


def test_a_targets_settings_win_over_its_breakers_which_win_over_the_defaults() -> None:
    mapping = {
        "defaults": {"failure_threshold": 1, "recovery_time": 1, "window": 1},
        "breakers": {"payments": {"failure_threshold": 2, "recovery_time": 2}},
        **targets({"function": CHARGE, "breaker": "payments", "failure_threshold": 3}),
    }

    settings = parse_configuration(mapping, "").breakers["payments"]

    assert (settings.failure_threshold, settings.recovery_time, settings.window) == (3, 2, 1)


def test_a_targets_settings_apply_to_the_breaker_named_after_it() -> None:
    configuration = parse_configuration(
        targets({"function": CHARGE, "failure_threshold": 3, "recovery_time": "500ms"}), ""
    )

    assert configuration.breakers[CHARGE].failure_threshold == 3
    assert configuration.breakers[CHARGE].recovery_time == 0.5


def test_a_setting_of_a_target_may_need_one_of_its_breaker() -> None:
    breakers = {"payments": {"slow_call_duration": "2s"}}
    target = {"function": CHARGE, "breaker": "payments", "slow_call_rate": 0.5}

    settings = parse_configuration({"breakers": breakers, **targets(target)}, "").breakers["payments"]

    assert settings.slow_call_rate == 0.5


def test_the_mode_of_the_environment_overrides_that_of_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "shadow")

    configuration = parse_configuration(
        targets({"function": CHARGE, "mode": "off"}, {"function": "shop:*", "mode": "off"}), ""
    )

    assert configuration.breakers[CHARGE].mode is Mode.SHADOW
    assert configuration.targets[1].function_settings is not None
    assert configuration.targets[1].function_settings.mode is Mode.SHADOW


def test_code_that_a_target_names_is_not_imported() -> None:
    (target,) = parse_configuration(
        targets({"function": CHARGE, "fallback": "no_such_module:charge_later"}), ""
    ).targets

    assert list(target.settings) == ["fallback"]


def test_the_functions_of_a_pattern_have_what_the_target_and_the_defaults_say() -> None:
    mapping = {"defaults": {"recovery_time": 2}, **targets({"function": "shop:*", "failure_threshold": 3})}

    (target,) = parse_configuration(mapping, "").targets

    assert target.function_settings is not None
    assert (target.function_settings.failure_threshold, target.function_settings.recovery_time) == (3, 2)


def test_a_pattern_speaks_for_a_breaker_that_is_named_after_one_of_its_functions() -> None:
    breakers = {CHARGE: {"recovery_time": 2}, "shop:refund": {"recovery_time": 2}}
    target = {"function": "shop:*", "exclude": ["shop:refund"], "failure_threshold": 3}

    settings = parse_configuration({"breakers": breakers, **targets(target)}, "").breakers

    assert (settings[CHARGE].failure_threshold, settings[CHARGE].recovery_time) == (3, 2)
    assert settings["shop:refund"].failure_threshold == 5


@pytest.mark.parametrize("order", [1, -1])
def test_a_pattern_does_not_configure_a_function_that_another_target_names(order: int) -> None:
    listed = [{"function": "shop:*", "failure_threshold": 3}, {"function": CHARGE, "failure_threshold": 4}][::order]

    configuration = parse_configuration({"breakers": {CHARGE: {}}, **targets(*listed)}, "")

    assert configuration.breakers[CHARGE].failure_threshold == 4


def test_of_two_patterns_the_first_speaks_for_a_function() -> None:
    listed = [{"function": "shop:c*", "failure_threshold": 3}, {"function": "shop:*", "failure_threshold": 4}]

    configuration = parse_configuration({"breakers": {CHARGE: {}}, **targets(*listed)}, "")

    assert configuration.breakers[CHARGE].failure_threshold == 3


# --- two targets of one breaker


def test_two_targets_of_one_breaker_may_add_to_each_other() -> None:
    listed = [
        {"function": CHARGE, "breaker": "payments", "failure_threshold": 3, "recovery_time": "10s"},
        {"function": "shop:refund*", "breaker": "payments", "window": 20, "recovery_time": 10},
    ]

    settings = parse_configuration(targets(*listed), "").breakers["payments"]

    assert (settings.failure_threshold, settings.window, settings.recovery_time) == (3, 20, 10)


@pytest.mark.parametrize("second", ["payments", "payments {tenant}"])
def test_two_targets_of_one_breaker_may_not_contradict_each_other(second: str) -> None:
    listed = [
        {"function": CHARGE, "breaker": "payments", "failure_threshold": 3},
        {"function": "shop:refund", "breaker": second, "failure_threshold": 4},
    ]

    error = error_of(targets(*listed))

    assert error.path == "targets[1].failure_threshold"
    assert error.problem == "targets[0] configures the same breaker 'payments' differently"
    assert "set it once" in error.remedy


def test_a_function_is_named_once() -> None:
    error = error_of(targets({"function": CHARGE}, {"function": "shop:refund"}, {"function": CHARGE, "breaker": "b"}))

    assert error.path == "targets[2].function"
    assert error.problem == "'shop:charge' is guarded by targets[0] already"


# --- mistakes


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({"function": CHARGE, "failure_threshold": 0}, "targets[0].failure_threshold"),
        ({"function": "shop:*", "ignore": [3]}, "targets[0].ignore[0]"),
        ({"function": "shop:*", "slow_call_rate": 0.5}, "targets[0].slow_call_rate"),
        ({"function": CHARGE, "recovery_time": 5, "recovery_time_max": 1}, "targets[0].recovery_time_max"),
        ({"function": "shop:*", "exclude": "shop:charge"}, "targets[0].exclude"),
        ({"function": "shop:*", "exclude": ["charge"]}, "targets[0].exclude[0]"),
        ({"function": "shop:*", "exclude": ["shop:charge", "shop.payments:*"]}, "targets[0].exclude[1]"),
        ({"function": CHARGE, "exclude": ["shop:refund"]}, "targets[0].exclude"),
        ({"function": "shop*:charge"}, "targets[0].function"),
        ({"function": "*:charge"}, "targets[0].function"),
        ({"function": "shop:1*"}, "targets[0].function"),
        ({"function": "shop:?"}, "targets[0].function"),
    ],
)
def test_a_mistake_is_refused_by_its_path(target: Mapping[str, object], path: str) -> None:
    assert error_of(targets(target)).path == path


def test_the_second_of_two_targets_with_a_mistake_is_named() -> None:
    listed: list[dict[str, object]] = [
        {"function": CHARGE, "breaker": "payments", "window": 5},
        {"function": "shop:refund", "breaker": "payments", "failure_threshold": "many"},
    ]

    assert error_of(targets(*listed)).path == "targets[1].failure_threshold"


def test_an_unknown_key_is_refused_with_the_nearest_key_or_setting() -> None:
    error = error_of(targets({"function": CHARGE, "fall_back": "shop:charge_later"}))

    assert (error.path, error.remedy) == ("targets[0].fall_back", "did you mean 'fallback'?")
