"""The registry in `otel_breaker/telemetry/semconv`: the code uses exactly its names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_breaker import __version__
from otel_breaker.core.states import CircuitState, Outcome, Reason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names
from otel_breaker_cli.semconv_registry import load
from otel_breaker_instrumentation import Status
from tests.telemetry.schema_files import FOLDER

if TYPE_CHECKING:
    from enum import Enum

    from otel_breaker_cli.semconv_registry import Signal

SCHEMA = load()
SIGNALS = [*SCHEMA.spans.values(), *SCHEMA.events.values(), *SCHEMA.metrics.values()]
DESCRIBED = {name for signal in SIGNALS for name in signal.attributes} | {*SCHEMA.events, *SCHEMA.metrics}
USED = {value for name, value in vars(names).items() if name.isupper() and "." in value}
PROBED = {outcome.value for outcome in Outcome} - {"rejected"} | {"timeout"}


def test_a_name_in_the_code_is_in_the_schema() -> None:
    assert sorted(USED - DESCRIBED) == []


def test_a_name_in_the_schema_is_in_the_code() -> None:
    assert sorted(DESCRIBED - USED) == []


def test_an_attribute_that_is_defined_is_used() -> None:
    used = {name for signal in SIGNALS for name in signal.attributes}

    assert sorted(SCHEMA.attributes.keys() - used) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("circuit_breaker.state", CircuitState),
        ("circuit_breaker.state_change.from", CircuitState),
        ("circuit_breaker.state_change.to", CircuitState),
        ("circuit_breaker.state_change.reason", Reason),
        ("circuit_breaker.call.outcome", Outcome),
        ("circuit_breaker.mode", Mode),
        ("circuit_breaker.target.status", Status),
    ],
)
def test_an_enumeration_of_the_schema_is_that_of_the_code(name: str, values: type[Enum]) -> None:
    assert [member.value for member in SCHEMA.attributes[name].members] == [member.value for member in values]


def test_probes_end_like_admitted_calls_or_are_lost() -> None:
    assert {member.value for member in SCHEMA.attributes["circuit_breaker.probe.outcome"].members} == PROBED


def test_the_schema_has_the_version_of_the_code() -> None:
    manifest = yaml.safe_load((FOLDER / "manifest.yaml").read_text())

    assert manifest["schema_url"].rpartition("/")[2] == __version__


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_condition_is_about_attributes_and_values_that_there_are(signal: Signal) -> None:
    allowed: dict[str, set[Any]] = {"span.status": {"unset", "error"}, "span.events": set(SCHEMA.events)}
    for attribute in signal.attributes.values():
        allowed[attribute.name] = {member.value for member in attribute.members} or {True}

    for attribute in signal.attributes.values():
        for name, values in ((name, values) for each in attribute.required_when for name, values in each.items()):
            assert set(values) <= allowed[name], f"{attribute.name}, when {name}"
