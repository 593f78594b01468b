"""One mistake does not hide the next."""

from __future__ import annotations

from typing import Any

import pytest

from otel_breaker_instrumentation.config import examine

PAYMENTS = {"function": "shop:charge", "breaker": "payments"}


def paths(mapping: dict[str, Any]) -> list[str]:
    return [problem.path for problem in examine(mapping, "")[1]]


def test_every_mistake_is_found_in_the_order_of_the_parts() -> None:
    mapping = {
        "brakers": {},
        "defaults": {"recovery_tim": 1, "window": 0},
        "breakers": {"payments": {"window": 0, "treshold": 3}, "search": 5, "fine": {"window": 7}},
        "targets": [{"function": "charge"}, PAYMENTS, "shop:find", {"function": "shop:find", "braker": "x"}],
        "reload": "soon",
    }

    assert paths(mapping) == [
        "brakers",
        "defaults.recovery_tim",
        "defaults.window",
        "breakers.payments.window",
        "breakers.payments.treshold",
        "breakers.search",
        "targets[0].function",
        "targets[2]",
        "targets[3].braker",
        "reload",
    ]


def test_what_has_no_mistake_is_understood_all_the_same() -> None:
    configuration, problems = examine({"breakers": {"payments": {"window": 0}, "fine": {"window": 7}}}, "")

    assert len(problems) == 1
    assert configuration.breakers["fine"].window == 7


@pytest.mark.parametrize("part", [{"defaults": 5}, {"breakers": 5}, {"targets": 5}])
def test_a_part_that_is_no_such_thing_at_all_is_one_mistake(part: dict[str, Any]) -> None:
    assert paths(part) == list(part)


def test_a_mistake_in_the_defaults_is_told_once_and_not_of_every_breaker() -> None:
    assert paths({"defaults": {"window": 0}, "breakers": {"a": {}, "b": {}}, "targets": [PAYMENTS]}) == [
        "defaults.window"
    ]


def test_a_mistake_of_the_environment_is_told_once_and_not_of_every_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "loud")

    assert paths({"breakers": {"a": {}, "b": {"window": 5}}, "targets": [PAYMENTS]}) == ["OTEL_BREAKER_MODE"]


def test_a_setting_that_needs_another_which_is_wrong_is_no_mistake_of_its_own() -> None:
    assert paths({"breakers": {"search": {"slow_call_rate": 0.5, "slow_call_duration": "slow"}}}) == [
        "breakers.search.slow_call_duration"
    ]


def test_targets_that_contradict_each_other_are_told_beside_the_rest() -> None:
    targets = [
        PAYMENTS | {"window": 5},
        {"function": "shop:refund", "breaker": "payments", "window": 6},
        {"function": "shop:charge"},
        {"function": 5},
    ]

    assert paths({"targets": targets}) == ["targets[2].function", "targets[3].function", "targets[1].window"]


@pytest.mark.parametrize("name", [False, None, 5, 1.5])
def test_a_name_that_is_no_text_is_refused_since_no_target_could_mean_it(name: object) -> None:
    _, [problem] = examine({"breakers": {name: {}}}, "")

    assert problem.path == f"breakers.{name}"
    assert "write the name in quotes" in problem.remedy
