"""OpenTelemetry's declarative configuration: the SDK reads it, and then the loader comes with a second, bare call."""

from __future__ import annotations

import importlib
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.configuration.instrumentation import configure_instrumentation
from opentelemetry.configuration.models import ExperimentalInstrumentation

from otel_breaker import get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.instrumentation.applications import calls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.applications import Application

SHOP = "def charge(): pass\ndef refund(): pass"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file that the environment names; for the test to write."""
    file = tmp_path / "breakers.json"
    monkeypatch.setenv("OTEL_BREAKER_CONFIG_FILE", str(file))
    return file


def start(options: dict[str, Any]) -> None:
    """What the SDK does with `instrumentation/development: python: otel_breaker:`, and the loader after it."""
    configure_instrumentation(ExperimentalInstrumentation(python={"otel_breaker": options}))
    OtelBreakerInstrumentor().instrument(skip_dep_check=True)


def logged(caplog: pytest.LogCaptureFixture, level: int) -> str:
    """The one record of our logger."""
    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", level)
    return record.getMessage()


def test_what_is_declared_is_guarded_silently(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    name = application.write(SHOP)
    breaker = f"{name} payments"

    start({"breakers": {breaker: {}}, "targets": [{"function": f"{name}:charge", "breaker": breaker}]})
    importlib.import_module(name).charge()

    assert calls(breaker) == {"success": 1}
    assert caplog.records == []


def test_what_is_declared_wins_over_the_file_and_a_warning_names_the_file(
    application: Application, caplog: pytest.LogCaptureFixture, file: Path
) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [{"function": f"{name}:refund"}]}))

    start({"targets": [{"function": f"{name}:charge"}]})
    shop = importlib.import_module(name)
    shop.charge()
    shop.refund()

    assert (calls(shop, "charge"), calls(shop, "refund")) == ({"success": 1}, {})
    assert str(file) in logged(caplog, logging.WARNING)


@pytest.mark.parametrize(
    ("options", "path", "remedy"),
    [
        ({"brakers": {}}, "brakers: there is no such key", "did you mean 'breakers'?"),
        ({"mapping": {}}, "mapping: there is no such key", "known are"),
        ({"targets": [{"functoin": "shop:charge"}]}, "targets[0].functoin", "did you mean 'function'?"),
        ({"targets": [{"function": "charge"}]}, "targets[0].function", "module:qualified.name"),
        ({"breakers": {"payments": {"window": 0}}}, "breakers.payments.window", "a number of calls"),
    ],
)
@pytest.mark.usefixtures("instrumentor")
def test_a_mistake_is_one_logged_error_with_the_remedy(
    caplog: pytest.LogCaptureFixture, options: dict[str, Any], path: str, remedy: str
) -> None:
    start(options)

    message = logged(caplog, logging.ERROR)
    assert "nothing is guarded" in message
    assert path in message
    assert remedy in message


def test_after_a_mistake_nothing_is_guarded_not_even_by_the_file(application: Application, file: Path) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [{"function": f"{name}:refund"}]}))

    start({"targets": [{"function": f"{name}:charge"}, {"functoin": f"{name}:charge"}]})
    shop = importlib.import_module(name)
    shop.charge()
    shop.refund()

    assert (calls(shop, "charge"), calls(shop, "refund")) == ({}, {})


def test_declared_as_not_enabled_nothing_is_guarded_silently(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    name = application.write(SHOP)

    start({"enabled": False, "targets": [{"function": f"{name}:charge"}]})
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {}
    assert caplog.records == []


def test_declared_without_any_options_the_file_guards(application: Application, file: Path) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [{"function": f"{name}:charge"}]}))

    start({})
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {"success": 1}


def test_switched_off_by_the_environment_what_is_declared_is_not_guarded(
    application: Application, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = application.write(SHOP)
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", "false")

    start({"targets": [{"function": f"{name}:charge"}]})
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {}
    assert caplog.records == []


def declare(folder: Path, monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    """Write OpenTelemetry's own configuration file, and let the environment name it."""
    file = folder / "otel.yaml"
    file.write_text(f'file_format: "1.0"\ninstrumentation/development:\n  python: {options}\n')
    monkeypatch.setenv("OTEL_CONFIG_FILE", str(file))


@pytest.mark.parametrize("enabled", ["false", "${BREAKERS:-false}"])
def test_declared_as_not_enabled_nothing_is_guarded_by_the_file_either(
    application: Application, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: str
) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [{"function": f"{name}:charge"}]}))
    declare(tmp_path, monkeypatch, f"\n    otel_breaker:\n      enabled: {enabled}")

    OtelBreakerInstrumentor().instrument(skip_dep_check=True)  # as the loader does, having skipped us before
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {}


@pytest.mark.parametrize("options", ["{flask: {}}", "{otel_breaker: {}}", "", "5"])
def test_where_nothing_of_the_kind_is_declared_the_file_guards(
    application: Application, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [{"function": f"{name}:charge"}]}))
    declare(tmp_path, monkeypatch, options)

    OtelBreakerInstrumentor().instrument(skip_dep_check=True)
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {"success": 1}


def test_a_declarative_configuration_is_the_actor_that_forces_a_circuit(application: Application) -> None:
    breaker = get_breaker(f"{application.write(SHOP)} payments")

    start({"breakers": {breaker.name: {"state": "forced_open"}}})

    assert breaker.snapshot().actor == "OpenTelemetry's configuration"
