"""The instrumentor as OpenTelemetry's loader and a program's own code use it."""

from __future__ import annotations

import importlib
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.util._importlib_metadata import entry_points

from otel_breaker import InvalidSettings, get_breaker
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation import OtelBreakerInstrumentor, environment_variables
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


def targets(*functions: str) -> list[dict[str, str]]:
    return [{"function": function} for function in functions]


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """The one record, an error of ours."""
    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", logging.ERROR)
    return record.getMessage()


# --- as OpenTelemetry finds it


def test_opentelemetry_finds_the_instrumentor_by_its_entry_point() -> None:
    (entry_point,) = entry_points(group="opentelemetry_instrumentor", name="otel_breaker")

    assert entry_point.load() is OtelBreakerInstrumentor


def test_opentelemetry_finds_the_environment_variables_by_their_entry_point() -> None:
    (entry_point,) = entry_points(group="opentelemetry_environment_variables", name="otel_breaker")

    assert entry_point.load() is environment_variables


def test_each_environment_variable_is_named_after_its_constant() -> None:
    constants = {name: value for name, value in vars(environment_variables).items() if not name.startswith("__")}

    assert {"OTEL_BREAKER_CONFIG_FILE", "OTEL_BREAKER_ENABLED", "OTEL_BREAKER_MODE"} <= set(constants)
    assert all(name.startswith("OTEL_BREAKER_") and value == name for name, value in constants.items())


def test_it_needs_no_library_since_it_guards_any(instrumentor: OtelBreakerInstrumentor) -> None:
    assert tuple(instrumentor.instrumentation_dependencies()) == ()


def test_there_is_one_instrumentor() -> None:
    assert OtelBreakerInstrumentor() is OtelBreakerInstrumentor()


# --- keyword arguments


def test_keyword_arguments_guard(application: Application) -> None:
    shop = application.load(SHOP, "charge")

    shop.charge()

    assert application.instrumentor.is_instrumented_by_opentelemetry
    assert calls(shop, "charge") == {"success": 1}


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"target": []}, "target"),
        ({"targets": [{"function": "charge"}]}, "targets[0].function"),
        ({"breakers": {"payments": {"window": 0}}}, "breakers.payments.window"),
    ],
)
def test_wrong_keyword_arguments_are_raised(
    instrumentor: OtelBreakerInstrumentor, arguments: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        instrumentor.instrument(**arguments)

    assert caught.value.path == path
    assert not instrumentor.is_instrumented_by_opentelemetry


def test_after_wrong_keyword_arguments_right_ones_guard(application: Application) -> None:
    with pytest.raises(InvalidSettings):
        application.instrumentor.instrument(target=[])

    shop = application.load(SHOP, "charge")
    shop.charge()

    assert calls(shop, "charge") == {"success": 1}


def test_keyword_arguments_while_instrumented_change_nothing_and_are_warned_about(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    shop = application.load(SHOP, "charge")

    application.guard(f"{shop.__name__}:refund")
    shop.refund()

    assert [record.getMessage() for record in caplog.records] == ["Attempting to instrument while already instrumented"]
    assert calls(shop, "refund") == {}


# --- the file


@pytest.mark.parametrize("arguments", [{}, {"skip_dep_check": True}, {"raise_exception_on_conflict": True}])
def test_the_file_guards_when_nothing_is_given(
    application: Application, file: Path, arguments: dict[str, bool]
) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": targets(f"{name}:charge")}))

    application.instrumentor.instrument(**arguments)
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {"success": 1}


def test_without_any_configuration_nothing_happens_silently(
    instrumentor: OtelBreakerInstrumentor, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor.instrument()
    instrumentor.uninstrument()

    assert caplog.records == []


@pytest.mark.parametrize("arguments", [{}, {"skip_dep_check": True}])
def test_a_second_bare_call_is_silent(
    application: Application, caplog: pytest.LogCaptureFixture, arguments: dict[str, bool]
) -> None:
    shop = application.load(SHOP, "charge")

    application.instrumentor.instrument(**arguments)
    shop.charge()

    assert caplog.records == []
    assert calls(shop, "charge") == {"success": 1}


@pytest.mark.parametrize("content", ["{", '{"brakers": {}}', '{"targets": [{"function": "charge"}]}', None])
def test_a_wrong_file_is_one_logged_error_that_names_it(
    instrumentor: OtelBreakerInstrumentor, caplog: pytest.LogCaptureFixture, file: Path, content: str | None
) -> None:
    if content is not None:
        file.write_text(content)

    instrumentor.instrument()

    message = ours(caplog)
    assert "nothing is guarded" in message
    assert str(file) in message


def test_of_a_file_with_one_mistake_nothing_is_guarded(application: Application, file: Path) -> None:
    name = application.write(SHOP)
    file.write_text(json.dumps({"targets": [*targets(f"{name}:charge"), {"function": "charge"}]}))

    application.instrumentor.instrument()
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {}


@pytest.mark.parametrize("variable", ["OTEL_BREAKER_ENABLED", "OTEL_BREAKER_MODE"])
def test_a_wrong_switch_is_one_logged_error_that_names_it(
    instrumentor: OtelBreakerInstrumentor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
    variable: str,
) -> None:
    file.write_text('{"breakers": {"payments": {}}}')
    monkeypatch.setenv(variable, "maybe")

    instrumentor.instrument()

    assert f"{variable}: 'maybe' is not allowed" in ours(caplog)


def test_missing_code_that_a_file_names_for_a_living_breaker_is_logged_and_not_raised(
    application: Application, caplog: pytest.LogCaptureFixture, file: Path
) -> None:
    breaker = get_breaker(f"{application.write(SHOP)} living")
    file.write_text(json.dumps({"breakers": {breaker.name: {"ignore": ["no_such_module.Error"]}}}))

    application.instrumentor.instrument()

    assert "no_such_module" in ours(caplog)


def test_the_settings_of_the_file_win_over_those_of_a_living_breaker(application: Application, file: Path) -> None:
    breaker = get_breaker(f"{application.write(SHOP)} living", failure_threshold=2)
    file.write_text(json.dumps({"breakers": {breaker.name: {"failure_threshold": 7}}}))

    application.instrumentor.instrument()

    assert breaker.settings.failure_threshold == 7


def test_switched_off_nothing_is_guarded_silently(
    application: Application, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BREAKER_ENABLED", "false")

    shop = application.load(SHOP, "charge")
    shop.charge()

    assert calls(shop, "charge") == {}
    assert caplog.records == []


def test_keyword_arguments_guard_after_opentelemetry_has_called_without_any(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.instrumentor.instrument(skip_dep_check=True)

    shop = application.load(SHOP, "charge")
    shop.charge()

    assert calls(shop, "charge") == {"success": 1}
    assert caplog.records == []


def test_a_fault_of_ours_is_logged_and_stops_no_other_instrumentation(
    instrumentor: OtelBreakerInstrumentor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    file.write_text('{"breakers": {"payments": {}}}')
    monkeypatch.setattr(REGISTRY, "configure", fail)

    instrumentor.instrument(skip_dep_check=True)
    monkeypatch.undo()

    assert "nothing is guarded; RuntimeError" in ours(caplog)
    assert " < " in caplog.records[0].getMessage()
