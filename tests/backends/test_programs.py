"""Which binaries the checks use, and that none of another version is used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.backends import programs
from tests.backends.programs import PROGRAMS, binary, missing, named

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(programs.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def put(program: programs.Program) -> None:
    binary(program).parent.mkdir(parents=True, exist_ok=True)
    binary(program).touch(mode=0o755)


def test_a_built_program_is_not_missing() -> None:
    put(PROGRAMS[0])
    assert missing() == list(PROGRAMS[1:])


def test_a_program_of_another_version_is_missing() -> None:
    program = named("jaeger")
    assert program.module
    put(replace(program, module=replace(program.module, version="v1.0.0")))
    assert program in missing()


def test_a_collector_of_other_components_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = named("otelcol")
    put(program)
    (tmp_path / "collector").mkdir()
    (tmp_path / "collector" / "components.go").write_text("package main")
    monkeypatch.setattr(programs, "COLLECTOR", tmp_path / "collector")
    assert program in missing()


def test_a_folder_of_binaries_is_used_instead_of_built_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(programs.FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert [binary(program) for program in PROGRAMS] == [tmp_path / "mine" / program.name for program in PROGRAMS]
