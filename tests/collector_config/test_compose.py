"""compose.yaml agrees with the Compose specification and this repository. It is not run: that needs containers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "collector-config"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
MOUNTED: Final = [
    source
    for service in SERVICES.values()
    for source, *_ in (volume.split(":") for volume in service.get("volumes", ()))
    if source.startswith("./")
]


@pytest.mark.processes
def test_it_agrees_with_the_schema_of_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]

    assert subprocess.run([*check, FOLDER / "compose.yaml"], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("source", MOUNTED)
def test_every_file_that_it_mounts_exists(source: str) -> None:
    assert (FOLDER / source).exists()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_file_in_the_command_of_a_program_is_mounted(name: str) -> None:
    mounts = dict(volume.split(":")[1::-1] for volume in SERVICES[name].get("volumes", ()))
    paths = re.findall(r"=(/etc/\S+)", " ".join(SERVICES[name].get("command", ())))

    for path in paths:
        (source,) = (
            FOLDER / source / path[len(target) :].lstrip("/")
            for target, source in mounts.items()
            if path.startswith(target)
        )
        assert source.is_file()


@pytest.mark.parametrize("file", sorted({source for source in MOUNTED if source.endswith(".yaml")}))
def test_every_program_that_a_mounted_file_names_is_a_service(file: str) -> None:
    hosts = re.findall(r"(?::-|//)(?:http://)?([a-z]+):\d+", (FOLDER / file).read_text())

    assert set(hosts) <= SERVICES.keys()


def test_every_service_that_another_one_waits_for_is_one() -> None:
    awaited = {name for service in SERVICES.values() for name in service.get("depends_on", ())}

    assert awaited <= SERVICES.keys()


def test_nothing_is_reachable_from_other_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_image_has_a_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]

    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+$", image)] == []


def test_the_demos_image_gets_every_file_that_the_package_is_made_from() -> None:
    recipe = SERVICES["demo"]["build"]["dockerfile_inline"]
    copied = {word for words in re.findall(r"^COPY (.*) \S+$", recipe, re.MULTILINE) for word in words.split()}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {"pyproject.toml", "examples", settings["project"]["readme"], *settings["project"]["license-files"]}

    assert copied == needed | {package.split("/")[0] for package in packages}
