"""The schema follows version 1 of Weaver's syntax, and its rules for names.

Weaver itself is no Python package. These tests follow https://github.com/open-telemetry/weaver, schemas/
semconv-syntax.md; with Weaver, run `weaver registry check -r otel_breaker/telemetry/semconv`.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest
import yaml

from tests.telemetry.schema_files import FOLDER, GROUPS

STABILITY = {"stable", "development", "alpha", "beta", "release_candidate"}
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)*")
UPSTREAM = {"code.function.name", "error.type"}

COMMON = {"id", "type", "brief", "note", "stability", "display_name", "attributes", "annotations"}
FIELDS = {
    "attribute_group": COMMON,
    "span": COMMON | {"span_kind", "events"},
    "event": COMMON | {"name"},
    "metric": COMMON | {"metric_name", "instrument", "unit"},
}
NEEDED = {
    "attribute_group": {"id", "type", "brief", "attributes"},
    "span": {"id", "type", "brief", "stability", "span_kind", "attributes"},
    "event": {"id", "type", "brief", "stability", "name"},
    "metric": {"id", "type", "brief", "stability", "metric_name", "instrument", "unit"},
}
SIMPLE = {"string": str, "int": int, "double": float, "boolean": bool}
LEVELS = {"required", "recommended", "opt_in"}
REFERENCE = {"ref", "brief", "note", "examples", "requirement_level", "sampling_relevant", "annotations"}
DEFINITION = {"id", "type", "brief", "note", "examples", "stability", "annotations"}
MEMBER = {"id", "value", "brief", "note", "stability"}

DEFINED = [each for group in GROUPS if group["type"] == "attribute_group" for each in group["attributes"]]
REFERRED = [each for group in GROUPS if group["type"] != "attribute_group" for each in group["attributes"]]

each_group = pytest.mark.parametrize("group", GROUPS, ids=[group["id"] for group in GROUPS])
each_definition = pytest.mark.parametrize("attribute", DEFINED, ids=[each["id"] for each in DEFINED])


def test_every_file_holds_groups_and_nothing_else() -> None:
    for file in FOLDER.iterdir():
        assert file.suffix == ".yaml"
        if file.name != "manifest.yaml":
            assert set(yaml.safe_load(file.read_text())) == {"groups"}


def test_the_manifest_names_the_registry_and_what_it_depends_on() -> None:
    manifest = yaml.safe_load((FOLDER / "manifest.yaml").read_text())

    assert set(manifest) == {"description", "schema_url", "stability", "dependencies"}
    assert manifest["stability"] in STABILITY
    for registry in (manifest, *manifest["dependencies"]):
        assert re.fullmatch(r"https://[^/]+/(.+/)?\d+\.\d+\.\d+", registry["schema_url"])
    (upstream,) = manifest["dependencies"]
    version = upstream["schema_url"].rpartition("/")[2]
    assert upstream["registry_path"] == f"https://github.com/open-telemetry/semantic-conventions@v{version}[model]"


@each_group
def test_a_group_has_the_fields_of_its_type_and_no_others(group: dict[str, Any]) -> None:
    assert NEEDED[group["type"]] <= set(group) <= FIELDS[group["type"]]
    assert group.get("stability", "development") in STABILITY
    assert group.get("span_kind", "internal") in {"client", "server", "producer", "consumer", "internal"}
    assert group.get("instrument", "gauge") in {"counter", "gauge", "histogram", "updowncounter"}


@each_group
def test_the_id_of_a_group_is_made_of_its_type_and_name(group: dict[str, Any]) -> None:
    expected = {
        "attribute_group": group["id"],
        "span": f"span.circuit_breaker.{group.get('span_kind')}",
        "event": f"event.{group.get('name')}",
        "metric": f"metric.{group.get('metric_name')}",
    }
    assert group["id"] == expected[group["type"]]


def test_no_two_groups_attributes_or_members_have_one_id() -> None:
    for ids in (
        [group["id"] for group in GROUPS],
        [attribute["id"] for attribute in DEFINED],
        *[[each["ref"] for each in group["attributes"]] for group in GROUPS if group["type"] != "attribute_group"],
        *[[member["id"] for member in members(attribute)] for attribute in DEFINED],
        *[[member["value"] for member in members(attribute)] for attribute in DEFINED],
    ):
        assert len(ids) == len(set(ids))


def test_a_span_refers_to_events_that_there_are() -> None:
    events = {group["id"] for group in GROUPS if group["type"] == "event"}

    assert {event for group in GROUPS for event in group.get("events", ())} <= events


@each_definition
def test_a_definition_is_whole(attribute: dict[str, Any]) -> None:
    assert {"id", "type", "brief", "stability"} <= set(attribute) <= DEFINITION
    assert attribute["stability"] in STABILITY
    if isinstance(attribute["type"], dict):
        assert set(attribute["type"]) == {"members"}
        assert members(attribute)
    for member in members(attribute):
        assert {"id", "value", "brief", "stability"} <= set(member) <= MEMBER
        assert isinstance(member["value"], str)
        assert member["stability"] in STABILITY


@each_definition
def test_examples_are_of_the_attributes_type_and_strings_have_some(attribute: dict[str, Any]) -> None:
    if isinstance(attribute["type"], dict):
        return
    element = SIMPLE[attribute["type"].removesuffix("[]")]
    examples = attribute.get("examples", [])
    if attribute["type"].endswith("[]"):
        assert all(isinstance(example, list) for example in examples)
        examples = list(chain.from_iterable(examples))
    assert examples or element is not str
    assert {type(example) for example in examples} <= {element}


@pytest.mark.parametrize("attribute", REFERRED, ids=[each["ref"] for each in REFERRED])
def test_a_reference_has_a_target_and_a_requirement_level(attribute: dict[str, Any]) -> None:
    assert {"ref", "requirement_level"} <= set(attribute) <= REFERENCE
    assert attribute["ref"] in {each["id"] for each in DEFINED} | UPSTREAM
    level = attribute["requirement_level"]
    if isinstance(level, dict):
        assert set(level) <= {"conditionally_required", "recommended"}
        (condition,) = level.values()
        assert condition.endswith(".")
    else:
        assert level in LEVELS


def test_an_attribute_that_is_defined_upstream_has_its_type_annotated() -> None:
    for attribute in REFERRED:
        if attribute["ref"] in UPSTREAM:
            assert attribute["annotations"]["otel_breaker"]["type"] in SIMPLE


def test_names_are_made_as_semantic_conventions_are() -> None:
    attributes = [attribute["id"] for attribute in DEFINED]
    metrics = [group["metric_name"] for group in GROUPS if group["type"] == "metric"]

    for name in (*attributes, *metrics):
        assert NAME.fullmatch(name)
        assert name.startswith("circuit_breaker.")


@pytest.mark.parametrize("kind", ["attributes", "metrics"])
def test_no_name_is_the_namespace_of_another(kind: str) -> None:
    found = {
        "attributes": {attribute["id"] for attribute in DEFINED},
        "metrics": {group["metric_name"] for group in GROUPS if group["type"] == "metric"},
    }[kind]

    assert [name for name in found if any(other.startswith(f"{name}.") for other in found)] == []


def members(attribute: dict[str, Any]) -> list[dict[str, Any]]:
    """The members of an enumeration; none for any other attribute."""
    return attribute["type"]["members"] if isinstance(attribute["type"], dict) else []
