"""One mistake does not hide the next."""

from __future__ import annotations

from typing import Any

import pytest

from otel_breaker import InvalidSettings
from otel_breaker_instrumentation import entries
from otel_breaker_instrumentation.config import parse_configuration, validate_configuration
from otel_breaker_instrumentation.entries import Target
from otel_breaker_instrumentation.problems import Problems

PAYMENTS = {"function": "shop:charge", "breaker": "payments"}


def paths(mapping: dict[str, Any]) -> list[str]:
    return [problem.path for problem in validate_configuration(mapping, "")[1]]


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
    configuration, problems = validate_configuration(
        {"breakers": {"payments": {"window": 0}, "fine": {"window": 7}}}, ""
    )

    assert len(problems) == 1
    assert configuration.breakers["fine"].window == 7


@pytest.mark.parametrize("part", [{"defaults": 5}, {"breakers": 5}, {"targets": 5}])
def test_a_part_that_is_no_such_thing_at_all_is_one_mistake(part: dict[str, Any]) -> None:
    assert paths(part) == list(part)


def test_a_mistake_in_the_defaults_is_found_once_and_not_for_every_breaker() -> None:
    assert paths({"defaults": {"window": 0}, "breakers": {"a": {}, "b": {}}, "targets": [PAYMENTS]}) == [
        "defaults.window"
    ]


def test_a_mistake_of_the_environment_is_found_once_and_not_for_every_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "loud")

    assert paths({"breakers": {"a": {}, "b": {"window": 5}}, "targets": [PAYMENTS]}) == ["OTEL_BREAKER_MODE"]


def test_a_setting_that_needs_another_which_is_wrong_is_no_mistake_of_its_own() -> None:
    assert paths({"breakers": {"search": {"slow_call_rate": 0.5, "slow_call_duration": "slow"}}}) == [
        "breakers.search.slow_call_duration"
    ]


def test_targets_that_contradict_each_other_are_found_beside_the_rest() -> None:
    targets = [
        PAYMENTS | {"window": 5},
        {"function": "shop:refund", "breaker": "payments", "window": 6},
        {"function": "shop:charge"},
        {"function": 5},
    ]

    assert paths({"targets": targets}) == ["targets[2].function", "targets[3].function", "targets[1].window"]


@pytest.mark.parametrize("name", [False, None, 5, 1.5])
def test_a_name_that_is_no_text_is_refused_since_no_target_could_mean_it(name: object) -> None:
    _, [problem] = validate_configuration({"breakers": {name: {}}}, "")

    assert problem.path == f"breakers.{name}"
    assert "write the name in quotes" in problem.remedy


def test_each_mistake_in_the_telemetry_settings_is_found() -> None:
    assert paths({"telemetry": {"spans": "none", "event": "log", "events": "log", "record_exceptions": 5}}) == [
        "telemetry.spans",
        "telemetry.event",
        "telemetry.record_exceptions",
    ]


def test_each_mistake_in_a_list_is_found() -> None:
    exclude = ["shop:TestClient.*", "other:TestClient", 5]
    target = {"function": "shop:*", "exclude": exclude, "ignore": [1, "ValueError", "no name"], "windw": 5}

    assert paths({"breakers": {"payments": {"ignore": [1, 2]}}, "targets": [target]}) == [
        "breakers.payments.ignore[0]",
        "breakers.payments.ignore[1]",
        "targets[0].ignore[0]",
        "targets[0].ignore[2]",
        "targets[0].windw",
        "targets[0].exclude[1]",
        "targets[0].exclude[2]",
    ]


def test_keys_of_a_configuration_forge_no_line_and_send_no_escape() -> None:
    key = "x\n2026-01-01 ERROR FORGED \x1b[2J"
    mapping = {
        key: 1,
        "defaults": {key: 1},
        "breakers": {key: {key: 1}, "payments": {"ignore": key, "state": key}},
        "targets": [
            {key: 1, "function": key, "breaker": key, "exclude": [key]},
            {"function": "shop:*", "exclude": key},
        ],
        "telemetry": {key: 1},
        "reload": key,
    }

    problems = [str(problem) for problem in validate_configuration(mapping, "")[1]]

    assert len(problems) >= 10
    assert not any("\n" in problem or "\x1b" in problem for problem in problems)


@pytest.mark.parametrize("key", ["DB=hunter2", "postgresql://app:hunter2@host", "https://host/?hunter2"])
def test_the_content_of_a_misdirected_file_may_be_secret_and_is_not_quoted(key: str) -> None:
    mapping: dict[str, Any] = {
        key: 1,
        "breakers": {key: {key: key}, "a": key, "b": {"failure_threshold": key, "ignore": [key], "fallback": key}},
        "targets": [key, {"function": key}],
        "telemetry": {"spans": key, key: 1},
        "reload": key,
    }
    parts = [mapping, {"breakers": key}, {"targets": key}, {"telemetry": key}, {"defaults": key}]

    problems = [str(problem) for part in parts for problem in validate_configuration(part, "")[1]]

    assert len(problems) >= 12
    assert not any("hunter2" in problem for problem in problems)


@pytest.mark.parametrize("part", ["failure_threshold", "window", "recovery_time", "ignore", "mode", "fallback"])
def test_a_number_that_python_does_not_write_out_is_a_mistake_like_any_other(part: str) -> None:
    huge = 16**20_000

    assert paths({"breakers": {"payments": {part: huge}}}) in (
        [f"breakers.payments.{part}"],
        ["breakers.payments.ignore[0]"],
    )
    assert paths({"reload": huge, "telemetry": {"spans": huge}}) == ["telemetry.spans", "reload"]
    assert len(paths({huge: 1, "breakers": {huge: {}}, "targets": [{huge: 1, "function": huge}, huge]})) == 5  # type: ignore[dict-item]


# --- how much work a file can make


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    counted: list[None] = []
    does = getattr(owner, name)

    def count(*args: Any, **keywords: Any) -> Any:
        counted.append(None)
        return does(*args, **keywords)

    monkeypatch.setattr(owner, name, count)
    return counted


def test_mistakes_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[None] = []

    class Args(tuple[str, ...]):
        __slots__ = ()
        __hash__ = tuple.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(None)
            return tuple.__eq__(self, other)

    problems = Problems()
    for index in range(500):
        error = InvalidSettings(f"targets[{index}]", "wrong", "write it right")
        error.args = Args(error.args)
        with problems:
            raise error

    assert len(problems) == 500
    assert len(compared) < 500


def test_an_application_stops_at_the_first_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_calls(monkeypatch, entries, "Pattern")

    with pytest.raises(InvalidSettings, match=r"targets\[0\]"):
        parse_configuration({"targets": [{"function": "wrong"}] * 100}, "")

    assert len(read) == 1


def test_a_breaker_is_not_held_against_every_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    held = count_calls(monkeypatch, Target, "matches")
    breakers = {f"shop:charge_{index}": {"window": 7} for index in range(300)}
    targets = [{"function": f"shop:*_{index}", "max_keys": index + 1} for index in range(300)]

    understood = parse_configuration({"breakers": breakers, "targets": targets}, "").breakers

    assert [understood[f"shop:charge_{index}"].max_keys for index in range(300)] == [*range(1, 301)]
    assert len(held) == 300
