from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARGE = "shop.payments:Client.charge"


def error_of(mapping: Mapping[str, object]) -> InvalidSettings:
    with pytest.raises(InvalidSettings) as caught:
        parse_configuration(mapping, "")
    return caught.value


# --- breakers and defaults


def test_a_breaker_has_the_settings_that_it_is_given() -> None:
    configuration = parse_configuration(
        {"breakers": {"payments": {"failure_threshold": 3, "recovery_time": "500ms"}}}, ""
    )

    assert configuration.breakers["payments"].failure_threshold == 3
    assert configuration.breakers["payments"].recovery_time == 0.5


def test_a_default_applies_to_every_breaker_that_does_not_set_it() -> None:
    mapping = {
        "defaults": {"recovery_time": 30, "window": 50},
        "breakers": {"payments": {"window": 20}, "search": None},
    }

    breakers = parse_configuration(mapping, "").breakers

    assert {name: (settings.recovery_time, settings.window) for name, settings in breakers.items()} == {
        "payments": (30, 20),
        "search": (30, 50),
    }


def test_a_setting_that_is_not_configured_has_its_own_default() -> None:
    assert parse_configuration({"breakers": {"payments": {}}}, "").breakers["payments"].failure_threshold == 5


def test_code_that_a_setting_names_is_not_imported() -> None:
    mapping = {"breakers": {"payments": {"ignore": ["no_such_module.Error"]}}, "targets": [{"function": "nor:this"}]}

    configuration = parse_configuration(mapping, "")

    assert configuration.targets[0].pattern.module == "nor"


# --- targets


def test_a_target_names_a_module_and_a_function_in_it() -> None:
    (target,) = parse_configuration({"targets": [{"function": CHARGE, "breaker": "payments"}]}, "").targets

    assert (target.function, target.breaker) == (CHARGE, "payments")
    assert (target.pattern.module, target.pattern.qualified_name) == ("shop.payments", "Client.charge")


def test_a_target_without_a_breaker_has_one_of_its_own_named_after_it() -> None:
    configuration = parse_configuration({"defaults": {"failure_threshold": 2}, "targets": [{"function": CHARGE}]}, "")

    assert configuration.targets[0].template(CHARGE).name == CHARGE
    assert configuration.breakers[CHARGE].failure_threshold == 2


def test_a_breaker_that_only_a_target_names_has_the_defaults() -> None:
    target = {"function": CHARGE, "breaker": "payments"}

    configuration = parse_configuration({"defaults": {"failure_threshold": 2}, "targets": [target]}, "")

    assert configuration.breakers["payments"].failure_threshold == 2


def test_a_breaker_that_a_target_names_keeps_its_settings() -> None:
    target = {"function": CHARGE, "breaker": "payments"}

    configuration = parse_configuration({"breakers": {"payments": {"failure_threshold": 3}}, "targets": [target]}, "")

    assert configuration.breakers["payments"].failure_threshold == 3


def test_the_fields_that_make_a_key_are_no_part_of_a_breakers_name() -> None:
    target = {"function": CHARGE, "breaker": "payments {tenant} {region}"}

    configuration = parse_configuration({"breakers": {"payments": {"failure_threshold": 3}}, "targets": [target]}, "")

    assert list(configuration.breakers) == ["payments"]
    assert configuration.targets[0].template(CHARGE).fields == ["tenant", "region"]


def test_targets_keep_their_order() -> None:
    functions = ["shop:refund", "shop:charge", "shop:audit"]

    targets = parse_configuration({"targets": [{"function": function} for function in functions]}, "").targets

    assert [str(target) for target in targets] == functions


# --- mistakes


@pytest.mark.parametrize("breaker", ["{tenant}", "payments {tenant", "payments }"])
def test_a_breakers_name_that_is_no_template_is_refused(breaker: str) -> None:
    error = error_of({"targets": [{"function": CHARGE, "breaker": breaker}]})

    assert error.path == "targets[0].breaker"
    assert repr(breaker) in error.problem


@pytest.mark.parametrize(
    ("mapping", "path", "remedy"),
    [
        ({"brakers": {}}, "brakers", "did you mean 'breakers'?"),
        ({"targets": [{"functoin": CHARGE}]}, "targets[0].functoin", "did you mean 'function'?"),
        (
            {"targets": [{"function": CHARGE}, {"function": CHARGE, "braker": "payments"}]},
            "targets[1].braker",
            "'breaker'?",
        ),
        ({"defaults": {"recovery_tim": 1}}, "defaults.recovery_tim", "did you mean 'recovery_time'?"),
        ({"breakers": {"pay": {"failure_treshold": 3}}}, "breakers.pay.failure_treshold", "'failure_threshold'?"),
        ({"xyz": {}}, "xyz", "known are breakers, defaults"),
        ({5: {}}, "5", "known are breakers, defaults"),
    ],
)
def test_a_key_that_is_not_known_is_refused_with_the_nearest_that_is(
    mapping: Mapping[str, object], path: str, remedy: str
) -> None:
    error = error_of(mapping)

    assert error.path == path
    assert error.problem.startswith("there is no such")
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"defaults": ["recovery_time"]}, "defaults"),
        ({"breakers": ["payments"]}, "breakers"),
        ({"breakers": {"payments": 3}}, "breakers.payments"),
        ({"targets": CHARGE}, "targets"),
        ({"targets": {"function": CHARGE}}, "targets"),
        ({"targets": [CHARGE]}, "targets[0]"),
        ({"targets": [{"function": CHARGE, "breaker": ""}]}, "targets[0].breaker"),
        ({"targets": [{"function": CHARGE, "breaker": 3}]}, "targets[0].breaker"),
        ({"breakers": {"payments": {"failure_threshold": 0}}}, "breakers.payments.failure_threshold"),
        ({"defaults": {"recovery_time": "soon"}}, "defaults.recovery_time"),
        ({"breakers": {"payments": {"recovery_time": 10**400}}}, "breakers.payments.recovery_time"),
        ({"breakers": {"payments": {"ignore": ["no name"]}}}, "breakers.payments.ignore[0]"),
        ({"breakers": {"payments": {"mode": "loud"}}}, "breakers.payments.mode"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_path(mapping: Mapping[str, object], path: str) -> None:
    error = error_of(mapping)

    assert error.path == path
    assert "is not allowed" in error.problem


@pytest.mark.parametrize(
    "function",
    [
        None,
        5,
        "",
        "charge",
        "shop.payments.charge",
        "shop:",
        ":charge",
        "shop:pay:charge",
        "shop:charge()",
        "shop:charge ",
        "shop:charge\n",
        "shop..payments:charge",
        "../shop:charge",
        "shop:1st",
        "shop.payments:Client.",
        "shop-payments:charge",
    ],
)
def test_a_name_that_is_no_function_is_refused_with_an_example(function: object) -> None:
    error = error_of({"targets": [{"function": "shop:fine"}, {"function": function}]})

    assert error.path == "targets[1].function"
    assert "module:qualified.name" in error.remedy


def test_a_name_in_any_language_is_a_name() -> None:
    (target,) = parse_configuration({"targets": [{"function": "läden._kasse:Kunde.__zahle2"}]}, "").targets

    assert str(target) == "läden._kasse:Kunde.__zahle2"
