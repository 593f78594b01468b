"""The package claims only those Pythons that the tests run on, here and in CI."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def claimed() -> list[str]:
    matches = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each) for each in PROJECT["classifiers"]]
    return [each[1] for each in matches if each]


def test_the_pythons_that_are_claimed_are_those_that_make_tries() -> None:
    [tried] = re.findall(r"^PYTHONS \?= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert [f"python{version}" for version in claimed()] == tried.split()


def test_the_oldest_python_that_is_claimed_is_the_oldest_that_installs() -> None:
    assert PROJECT["requires-python"] == f">={claimed()[0]}"


def test_the_pythons_that_are_claimed_are_those_that_ci_tries() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())

    assert workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"] == claimed()
