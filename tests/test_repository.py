"""What the project states about itself, for people and for machines, is true."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
MANIFEST = ROOT / "otel_breaker" / "telemetry" / "semconv" / "manifest.yaml"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", GITHUB / "PULL_REQUEST_TEMPLATE.md"]


@pytest.mark.parametrize("workflow", sorted(GITHUB.glob("workflows/*")), ids=lambda workflow: workflow.name)
def test_a_workflow_pins_each_action_to_a_commit(workflow: Path) -> None:
    actions = re.findall(r"uses: (\S+)", workflow.read_text())

    assert actions
    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *GITHUB.glob("workflows/*")], ids=lambda document: document.name)
def test_a_target_of_make_that_a_document_names_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|run: )make ([a-z0-9-]+)", document.read_text(), re.MULTILINE))

    assert named
    assert named - targets == set()


def test_the_project_and_its_telemetry_schema_have_one_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    schema = yaml.safe_load(MANIFEST.read_text())["schema_url"]

    assert {urlsplit(url).hostname for url in project["urls"].values()} == {urlsplit(schema).hostname}
