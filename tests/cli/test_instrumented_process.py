"""`otel-breaker check --start`: whether the targets are guarded in a process that is started like the application."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

FILE = "defaults: {recovery_time: 5s}\ntargets: [{function: 'shop_to_start:charge', breaker: payments}]"
DECLARED = """
file_format: "1.0"
instrumentation/development:
  python:
    otel_breaker:
      defaults: {recovery_time: 5s}
      targets: [{function: "shop_to_start:charge", breaker: payments}]
"""
SILENT = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop_to_start.py").write_text("print('imported')\ndef charge(): pass\n")
    return tmp_path


def check_start(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the command where the application runs; returns the exit status and the output."""
    script = Path(sys.executable).with_name("otel-breaker")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    done = subprocess.run(
        [script, "check", "--start", *arguments],
        cwd=folder,
        env=clean | SILENT | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "content"), [("breakers.yaml", FILE), ("otel.yaml", DECLARED)])
def test_guarded_targets_are_counted(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)

    assert check_start(folder, name) == (0, "started: 1 targets: 1 guarded\n")


def test_without_a_file_the_environment_configures_the_process(folder: Path) -> None:
    assert check_start(folder, OTEL_BREAKER_TARGETS="shop_to_start:charge") == (0, "started: 1 targets: 1 guarded\n")


def test_an_exporter_that_cannot_be_loaded_prevents_all_guards_and_is_named(folder: Path) -> None:
    (folder / "breakers.yaml").write_text(FILE)

    status, output = check_start(folder, "breakers.yaml", OTEL_TRACES_EXPORTER="otlpp")

    problem = "OpenTelemetry has not loaded the instrumentor, so nothing is guarded"
    assert status == 1
    assert output.startswith(
        f"opentelemetry-instrument: {problem}: RuntimeError: Requested component 'otlpp' not found"
    )
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "otel_breaker"}, "has not loaded the instrumentor"),
        ({"OTEL_BREAKER_ENABLED": "false"}, "no configuration is in force"),
        ({"OTEL_BREAKER_MODE": "loud"}, "no configuration is in force: the circuit breakers are NOT configured"),
    ],
)
def test_other_reasons_for_missing_guards_are_reported(folder: Path, environment: dict[str, str], message: str) -> None:
    status, printed = check_start(folder, OTEL_BREAKER_TARGETS="shop_to_start:charge", **environment)

    assert status == 1
    assert message in printed


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("shop_to_start:chrge", "is not guarded: there is no shop_to_start:chrge: did you mean 'charge'?"),
        ("shop_to_strt:charge", "'shop_to_strt' cannot be imported: ModuleNotFoundError"),
        ("views_to_start:pay", "views_to_start:pay is guarded, but called unguarded by Flask's view 'pay': put"),
    ],
)
def test_a_target_that_is_not_guarded_or_called_past_its_guard_is_reported(
    folder: Path, function: str, message: str
) -> None:
    view = "from flask import Flask\napp = Flask('s')\n@app.route('/')\ndef pay(): return ''\n"
    (folder / "views_to_start.py").write_text(view)

    status, printed = check_start(folder, OTEL_BREAKER_TARGETS=function)

    assert status == 1
    assert message in printed


def test_a_mistake_in_the_file_is_reported_and_no_process_is_started(folder: Path) -> None:
    (folder / "breakers.yaml").write_text("breaker: {}")

    status, output = check_start(folder, "breakers.yaml", OTEL_TRACES_EXPORTER="otlpp")

    assert (status, output) == (1, "breakers.yaml: breaker: there is no such key: did you mean 'breakers'?\n")


def test_a_module_that_ends_the_process_exits_with_2(folder: Path) -> None:
    (folder / "shop_to_start.py").write_text("import os; os._exit(3)")

    status, output = check_start(folder, OTEL_BREAKER_TARGETS="shop_to_start:charge")

    assert status == 2
    assert "the process that was started has ended" in output
