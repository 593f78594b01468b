"""docs/instrumentation.md is true about the sources of the configuration, its check and its reload."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from opentelemetry.configuration import load_config_file
from opentelemetry.configuration.instrumentation import configure_instrumentation

from otel_breaker import CircuitOpenError, get_breaker
from otel_breaker_cli.json_schema import shipped
from otel_breaker_instrumentation import OtelBreakerInstrumentor, environment_variables
from tests.docs.test_documents import blocks
from tests.docs.test_instrumentation import CLIENTS, DOCUMENT, PAYMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

DECLARED, RELOAD, FORCED = range(3, 6)

FILES = {
    "breakers.yaml": "breakers: {payments: {failure_threshold: 3, recovery_time: 5s}}",
    "patient.yaml": "breakers: {payments: {recovery_time: 5s}, search: {}}",
    "mistaken.yaml": "breakers: {payments: {failure_treshold: 3}}\nreload: often",
    "named.yaml": "defaults: {recovery_time: 5s}\ntargets: [{function: 'shop.payments:PaymentClient.charge'}]",
    "misnamed.yaml": "targets: [{function: 'shop.payments:PaymentClient.chrge'}]",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The document's application and the files that it names."""
    shop = tmp_path / "shop"
    shop.mkdir()
    for name, source in {"__init__": "", "payments": PAYMENTS, "clients": CLIENTS}.items():
        (shop / f"{name}.py").write_text(source)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    if OtelBreakerInstrumentor().is_instrumented_by_opentelemetry:
        OtelBreakerInstrumentor().uninstrument()
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def shown(example: int) -> str:
    return blocks(DOCUMENT, "yaml")[example]


def test_opentelemetrys_configuration_guards_with_its_variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "otel.yaml").write_text(shown(DECLARED))
    monkeypatch.setenv("PAYMENTS_THRESHOLD", "4")

    configure_instrumentation(load_config_file(str(folder / "otel.yaml")).instrumentation_development)
    importlib.import_module("shop.payments")

    assert get_breaker("payments").settings.failure_threshold == 4


def test_every_environment_variable_is_listed_with_its_flag() -> None:
    listed = dict(re.findall(r"^\| `(OTEL_BREAKER_\w+)` \| `(--\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    known = [name for name in vars(environment_variables) if name.startswith("OTEL_")]

    assert listed == {name: f"--{name.removeprefix('OTEL_').lower()}" for name in known}


@pytest.mark.processes
@pytest.mark.parametrize("example", range(5))
def test_a_command_prints_what_is_shown(folder: Path, example: int) -> None:
    _, *steps = re.split(r"^\$ ", blocks(DOCUMENT, "console")[example], flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    for step in steps:
        command, _, printed = step.partition("\n")
        done = subprocess.run(
            command, shell=True, cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.stdout, done.stderr) == (printed, "")
        assert done.returncode == (1 if "mis" in command else 0)

    if "schema" in command:
        assert (folder / "breakers.schema.json").read_text() == shipped()


def test_a_changed_file_takes_effect(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "breakers.yaml"
    file.write_text(shown(RELOAD))
    monkeypatch.setenv("OTEL_BREAKER_CONFIG_FILE", str(file))
    OtelBreakerInstrumentor().instrument()
    importlib.import_module("shop.payments")
    watcher = OtelBreakerInstrumentor()._watcher
    assert watcher is not None

    file.write_text(shown(RELOAD).replace("failure_threshold: 3", "failure_threshold: 7"))
    watcher.look()
    watcher.look()

    assert get_breaker("payments").settings.failure_threshold == 7


def test_a_circuit_is_forced() -> None:
    OtelBreakerInstrumentor().instrument(**yaml.safe_load(shown(FORCED)))

    with pytest.raises(CircuitOpenError, match="'search' is forced_open"):
        get_breaker("search").call(int)

    seen = get_breaker("search").snapshot()
    assert (seen.actor, seen.reason) == ("ann", "INC-4711")
