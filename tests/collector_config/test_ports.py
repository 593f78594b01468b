"""The ports that the documents name are open, and have the protocol of their senders."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from opentelemetry.configuration import load_config_file
from opentelemetry.configuration._resource import create_resource

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "collector-config"
DOCUMENTS: Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(file for file in FOLDER.rglob("*") if file.suffix in (".md", ".yaml")),
]


def protocols(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The protocols of each OTLP receiver in a file."""
    owners = (settings, settings.get("distributor", {}))
    return [owner["receivers"]["otlp"]["protocols"] for owner in owners if "otlp" in owner.get("receivers", {})]


TAKING: Final = {
    file: found for file in sorted(FOLDER.glob("*.yaml")) for found in protocols(yaml.safe_load(file.read_text()))
}


def test_the_files_that_take_otlp_are_known() -> None:
    assert {file.name for file in TAKING} == {"gateway.yaml", "jaeger.yaml", "minimal.yaml", "tempo.yaml"}


@pytest.mark.parametrize("file", TAKING, ids=lambda file: file.name)
def test_a_file_that_takes_otlp_opens_both_ports_and_names_them(file: Path) -> None:
    ports = {
        protocol: settings["endpoint"].rpartition(":")[2].strip("}") for protocol, settings in TAKING[file].items()
    }
    comments = " ".join(re.findall(r"^#(.*)", file.read_text(), re.MULTILINE))

    assert ports == {"grpc": "4317", "http": "4318"}
    assert re.search(r"4317 \(gRPC\).*4318 \(HTTP\)", comments)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_no_document_sends_the_distros_grpc_to_the_port_of_http(document: Path) -> None:
    for line in re.findall(r"^.*\bopentelemetry-instrument .*$", document.read_text(), re.MULTILINE):
        ports = re.findall(r"OTEL_EXPORTER_OTLP_ENDPOINT=\S+:(\d+)", line)
        assert ports in ([], ["4318" if "OTEL_EXPORTER_OTLP_PROTOCOL=http" in line else "4317"])


def resource(file: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in set(re.findall(r"\$\{(\w+)", file.read_text())):
        monkeypatch.setenv(name, "x")
    return dict(create_resource(load_config_file(str(file)).resource).attributes)


def test_the_examples_configuration_gives_each_process_an_instance_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "examples" / "checkout" / "otel.yaml"

    first = resource(file, monkeypatch)["service.instance.id"]
    monkeypatch.setattr(os, "getpid", lambda: 1)  # another process

    assert resource(file, monkeypatch)["service.instance.id"] != first


def test_what_the_readme_writes_into_such_a_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(
        r"^```yaml\n(resource:\n.*?)^```", (FOLDER / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    file = tmp_path / "otel.yaml"
    file.write_text(f'file_format: "1.0"\n{shown}')

    assert resource(file, monkeypatch)["service.instance.id"]

    file.write_text('file_format: "1.0"\nresource: {}\n')
    assert "service.instance.id" not in resource(file, monkeypatch)
