import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.configuration import load_config_file

from examples.checkout import configuration


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TELEMETRY_FOLDER", str(tmp_path))
    monkeypatch.setenv("DEMO_RUN", "test")


def environment(folder: Path, *, breaker: bool = True, collector: str | None = None) -> dict[str, str]:
    return configuration.shop_environment(folder, "http://127.0.0.1:1", breaker=breaker, collector=collector)


def exporters(file: str) -> list[set[str]]:
    """What each signal of the configuration is exported by."""
    # Loaded first as OpenTelemetry does: it checks the file against the schema and substitutes the variables.
    assert load_config_file(file)
    settings: dict[str, Any] = yaml.safe_load(Path(file).read_text())
    processors = [settings["tracer_provider"]["processors"], settings["logger_provider"]["processors"]]
    readers = settings["meter_provider"]["readers"]
    return [
        *({name for processor in signal for name in processor["batch"]["exporter"]} for signal in processors),
        {name for reader in readers for name in reader["periodic"]["exporter"]},
    ]


def test_the_configuration_is_valid_and_writes_each_signal_to_a_file(tmp_path: Path) -> None:
    assert exporters(environment(tmp_path)["OTEL_CONFIG_FILE"]) == [{"otlp_file/development"}] * 3


def test_a_collector_gets_each_signal_as_well(tmp_path: Path) -> None:
    file = environment(tmp_path, collector="http://127.0.0.1:4318")["OTEL_CONFIG_FILE"]
    assert exporters(file) == [{"otlp_file/development", "otlp_http"}] * 3


def test_the_breaker_is_the_only_difference_between_the_runs(tmp_path: Path) -> None:
    off, on = environment(tmp_path, breaker=False), environment(tmp_path, breaker=True)
    assert {name for name in off if off[name] != on[name]} == {"OTEL_BREAKER_ENABLED"}


def test_other_opentelemetry_settings_of_the_machine_do_not_reach_the_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "token=1")
    assert "OTEL_SDK_DISABLED" not in environment(tmp_path)
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in environment(tmp_path)
    assert environment(tmp_path, collector="http://127.0.0.1:4318")["OTEL_EXPORTER_OTLP_HEADERS"] == "token=1"


@pytest.mark.processes
def test_a_collector_answers_when_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert configuration.answers(url)
    assert not configuration.answers(url)
    assert not configuration.answers("nonsense")
