from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings, Mode
from otel_breaker_instrumentation.config import find, understand

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
        find(None)

    assert caught.value.path.startswith(f"{file}: ")


# --- where the configuration comes from


@pytest.mark.parametrize("mapping", [None, {}])
def test_without_any_source_nothing_is_configured(mapping: Mapping[str, object] | None) -> None:
    assert find(mapping) is None


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("mapping", [None, {}])
def test_the_file_is_used_when_nothing_else_is_said(mapping: Mapping[str, object] | None) -> None:
    configuration = find(mapping)

    assert configuration is not None
    assert configuration.breakers["filed"].failure_threshold == 7


def test_what_is_given_wins_over_the_file_and_a_warning_names_the_file(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = find({"breakers": {"given": {}}})

    assert configuration is not None
    assert list(configuration.breakers) == ["given"]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"OTEL_BREAKER_CONFIG_FILE={file}" in record.getMessage()


def test_a_file_that_is_not_used_is_not_read(file: Path) -> None:
    file.write_text("{")

    assert find({"breakers": {"given": {}}}) is not None


# --- the switches for an incident


@pytest.mark.parametrize("said", ["false", "False", " FALSE ", "0", "no", "off"])
def test_switched_off_nothing_is_configured_whatever_is_given(
    file: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", said)
    file.write_text("{")

    assert find({"breakers": {"given": {}}}) is None
    assert find(None) is None


@pytest.mark.parametrize("said", ["", "true", "True", "1", "yes", "on"])
def test_switched_on_is_as_if_nothing_had_been_said(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", said)

    assert find({"breakers": {"given": {}}}) is not None


def test_a_switch_that_is_neither_on_nor_off_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", "maybe")

    with pytest.raises(InvalidSettings, match="'maybe' is not allowed") as caught:
        find({"breakers": {"given": {}}})

    assert caught.value.path == "OTEL_BREAKER_ENABLED"


def test_the_mode_of_the_environment_overrides_every_breakers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "shadow")
    breakers = {"payments": {"mode": "off"}, "search": {}}
    mapping = {"defaults": {"mode": "enforce"}, "breakers": breakers, "targets": [{"function": "shop:charge"}]}

    configuration = understand(mapping, "")

    assert {name: said.mode for name, said in configuration.breakers.items()} == {
        "payments": Mode.SHADOW,
        "search": Mode.SHADOW,
        "shop:charge": Mode.SHADOW,
    }


@pytest.mark.usefixtures("file")
def test_the_mode_of_the_environment_overrides_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "off")

    configuration = find(None)

    assert configuration is not None
    assert configuration.breakers["filed"].mode is Mode.OFF


def test_a_mode_that_does_not_exist_is_refused_by_the_name_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "loud")

    with pytest.raises(InvalidSettings, match="'loud' is not allowed: one of enforce, shadow, off") as caught:
        understand({"breakers": {"payments": {}}}, "")

    assert caught.value.path == "OTEL_BREAKER_MODE"


def test_the_mode_of_the_environment_is_not_blamed_for_another_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BREAKER_MODE", "shadow")

    with pytest.raises(InvalidSettings) as caught:
        understand({"breakers": {"payments": {"window": 0}}}, "")

    assert caught.value.path == "breakers.payments.window"
