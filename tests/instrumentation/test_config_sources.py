from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings, Mode
from otel_breaker_instrumentation.config import parse_configuration
from otel_breaker_instrumentation.sources import load_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the breaker `filed`, which the environment names."""
    file = tmp_path / "breakers.json"
    file.write_text(json.dumps({"breakers": {"filed": {"failure_threshold": 7}}}))
    monkeypatch.setenv("OTEL_BREAKER_CONFIG_FILE", str(file))
    return file


@pytest.mark.parametrize(
    "mistake", [{"brakers": {}}, {"targets": [{"function": 5}]}, {"breakers": {"p": {"window": 0}}}]
)
def test_a_mistake_in_a_file_names_the_file(file: Path, mistake: Mapping[str, object]) -> None:
    file.write_text(json.dumps(mistake))

    with pytest.raises(InvalidSettings) as caught:
        load_configuration(None)

    assert caught.value.path.startswith(f"{file}: ")


# --- the source of the configuration


@pytest.mark.parametrize("mapping", [None, {}])
def test_without_any_source_nothing_is_configured(mapping: Mapping[str, object] | None) -> None:
    assert load_configuration(mapping) is None


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("mapping", [None, {}])
def test_the_file_is_used_when_nothing_else_is_given(mapping: Mapping[str, object] | None) -> None:
    found = load_configuration(mapping)

    assert found is not None
    assert found.configuration.breakers["filed"].failure_threshold == 7


def test_what_is_given_wins_over_the_file_and_a_warning_names_the_file(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = load_configuration({"breakers": {"given": {}}})

    assert found is not None
    assert list(found.configuration.breakers) == ["given"]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"OTEL_BREAKER_CONFIG_FILE={file}" in record.getMessage()


def test_a_file_that_is_not_used_is_not_read(file: Path) -> None:
    file.write_text("{")

    assert load_configuration({"breakers": {"given": {}}}) is not None


# --- targets without a file


def functions(monkeypatch: pytest.MonkeyPatch, text: str) -> list[tuple[str, str | None]]:
    """What `OTEL_BREAKER_TARGETS` names, with the breaker of each."""
    monkeypatch.setenv("OTEL_BREAKER_TARGETS", text)
    found = load_configuration(None)
    assert found is not None
    return [(target.function, target.breaker) for target in found.configuration.targets]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("shop:charge", [("shop:charge", None)]),
        ("shop:charge=payments", [("shop:charge", "payments")]),
        ("shop:charge=payments {tenant}", [("shop:charge", "payments {tenant}")]),
        (
            " shop:charge = payments , shop:load_configuration,",
            [("shop:charge", "payments"), ("shop:load_configuration", None)],
        ),
        ("shop.clients:*Client.send_*=clients", [("shop.clients:*Client.send_*", "clients")]),
    ],
)
def test_targets_can_be_listed_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, named: list[tuple[str, str | None]]
) -> None:
    assert functions(monkeypatch, text) == named


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("shop:load_configuration,charge", "targets[1].function"),
        ("shop:charge=", "targets[0].breaker"),
        ("=x", "targets[0].function"),
    ],
)
def test_a_mistake_in_the_list_names_the_variable_and_the_place(
    monkeypatch: pytest.MonkeyPatch, text: str, path: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        functions(monkeypatch, text)

    assert caught.value.path == f"OTEL_BREAKER_TARGETS: {path}"


def test_the_file_wins_over_the_list_and_a_warning_names_the_list(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_TARGETS", "shop:charge")

    found = load_configuration(None)

    assert found is not None
    assert list(found.configuration.breakers) == ["filed"]
    assert caplog.messages == [
        "not used: OTEL_BREAKER_TARGETS=shop:charge: the breakers are configured by OTEL_BREAKER_CONFIG_FILE"
    ]


def test_what_is_given_wins_over_all_that_the_environment_names_in_one_warning(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_TARGETS", "shop:charge")

    found = load_configuration({"breakers": {"given": {}}})

    assert found is not None
    assert list(found.configuration.breakers) == ["given"]
    [message] = caplog.messages
    assert f"OTEL_BREAKER_CONFIG_FILE={file}" in message
    assert "OTEL_BREAKER_TARGETS=shop:charge" in message


# --- watching


def test_a_file_may_ask_to_be_watched(file: Path) -> None:
    file.write_text('{"reload": "5s", "breakers": {"filed": {}}}')

    found = load_configuration(None)

    assert found is not None
    assert (found.configuration.reload, found.file, found.text) == (5.0, str(file), file.read_text())


def test_where_there_is_no_file_there_is_nothing_to_watch() -> None:
    with pytest.raises(InvalidSettings, match=r"reload: there is no file to watch: .*CONFIG_FILE"):
        load_configuration({"breakers": {"given": {}}, "reload": "5s"})


# --- the variables for an incident


@pytest.mark.parametrize("value", ["false", "False", " FALSE ", "0", "no", "off"])
def test_switched_off_nothing_is_configured_from_any_source(
    file: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", value)
    file.write_text("{")

    assert load_configuration({"breakers": {"given": {}}}) is None
    assert load_configuration(None) is None


@pytest.mark.parametrize("value", ["", "true", "True", "1", "yes", "on"])
def test_switched_on_is_the_default(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", value)

    assert load_configuration({"breakers": {"given": {}}}) is not None


def test_a_switch_that_is_neither_on_nor_off_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", "maybe")

    with pytest.raises(InvalidSettings, match="'maybe' is not allowed") as caught:
        load_configuration({"breakers": {"given": {}}})

    assert caught.value.path == "OTEL_BREAKER_ENABLED"


def test_the_mode_of_the_environment_overrides_every_breakers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "shadow")
    breakers = {"payments": {"mode": "off"}, "search": {}}
    mapping = {"defaults": {"mode": "enforce"}, "breakers": breakers, "targets": [{"function": "shop:charge"}]}

    configuration = parse_configuration(mapping, "")

    assert {name: settings.mode for name, settings in configuration.breakers.items()} == {
        "payments": Mode.SHADOW,
        "search": Mode.SHADOW,
        "shop:charge": Mode.SHADOW,
    }


@pytest.mark.usefixtures("file")
def test_the_mode_of_the_environment_overrides_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "off")

    found = load_configuration(None)

    assert found is not None
    assert found.configuration.breakers["filed"].mode is Mode.OFF


def test_a_mode_that_does_not_exist_is_refused_by_the_name_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "loud")

    with pytest.raises(InvalidSettings, match="'loud' is not allowed: one of enforce, shadow, off") as caught:
        parse_configuration({"breakers": {"payments": {}}}, "")

    assert caught.value.path == "OTEL_BREAKER_MODE"


def test_the_mode_of_the_environment_is_not_blamed_for_another_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "shadow")

    with pytest.raises(InvalidSettings) as caught:
        parse_configuration({"breakers": {"payments": {"window": 0}}}, "")

    assert caught.value.path == "breakers.payments.window"
