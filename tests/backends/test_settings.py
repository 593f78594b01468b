"""Properties of `collector-config` that can be checked without the programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.backends.configurations import GATEWAY, OVERLAYS
from tests.backends.servers import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted((*SETTINGS.glob("*.yaml"), SETTINGS / "prometheus" / "prometheus.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_file_begins_with_the_question_that_it_answers(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# Question: ")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_readme_names_each_file(file: Path) -> None:
    assert f"({file.relative_to(SETTINGS)})" in (SETTINGS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda file: file.name)
def test_overlays_refer_to_nothing_that_only_another_overlay_has(overlay: Path) -> None:
    gateway, laid_over = yaml.safe_load(GATEWAY.read_text()), yaml.safe_load(overlay.read_text())
    known = {kind: {*gateway.get(kind, {}), *laid_over.get(kind, {})} for kind in ("processors", "connectors")}
    for pipeline in laid_over["service"]["pipelines"].values():
        assert known["processors"].issuperset(pipeline.get("processors", ()))
        assert known["connectors"].union(gateway["exporters"]).issuperset(pipeline.get("exporters", ()))
