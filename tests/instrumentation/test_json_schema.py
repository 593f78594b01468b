"""The JSON Schema that editors use: it is valid, complete, and refuses what is usually mistaken, as the parser does.

That it allows everything the parser accepts is tried by test_config_fuzz.py, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from otel_breaker import InvalidSettings
from otel_breaker_cli.json_schema import schema, shipped
from otel_breaker_cli.main import main
from otel_breaker_instrumentation.config import KEYS, OVERRIDE_KEYS, parse_configuration
from otel_breaker_instrumentation.entries import KEYS as TARGET_KEYS
from tests.docs.test_documents import blocks

ROOT = Path(__file__).parents[2]
VALIDATOR: Final = Draft202012Validator(json.loads(shipped()))


def shown() -> list[str]:
    """Every configuration that a document shows."""
    return [
        block
        for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for block in blocks(document, "yaml")
        if set(yaml.safe_load(block) or {}) <= set(KEYS)
    ]


def refused_by_the_parser(content: Any) -> bool:
    try:
        parse_configuration(content, "")
    except InvalidSettings:
        return True
    return False


def test_it_is_a_json_schema_and_the_one_that_is_generated() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)

    assert json.loads(shipped()) == schema()


def test_it_knows_every_key_that_the_parser_knows() -> None:
    properties = schema()["properties"]
    breaker = properties["breakers"]["additionalProperties"]["properties"]
    target = properties["targets"]["anyOf"][0]["items"]["properties"]
    setting = set(properties["defaults"]["properties"])

    assert set(properties) == set(KEYS)
    assert set(breaker) == {*setting, *OVERRIDE_KEYS}
    assert set(target) == set(TARGET_KEYS)


def test_every_key_is_explained() -> None:
    def unexplained(part: dict[str, Any]) -> list[str]:
        return [name for name, value in part.items() if "description" not in value and "$ref" not in value]

    properties, settings = schema()["properties"], schema()["$defs"]
    target = properties["targets"]["anyOf"][0]["items"]["properties"]
    breaker = properties["breakers"]["additionalProperties"]["properties"]

    assert [unexplained(part) for part in (properties, settings, target, breaker)] == [[], [], [], []]


@pytest.mark.parametrize("text", [*shown(), "", "breakers:\n  search:\ndefaults:\ntargets:\n"])
def test_what_the_documents_show_is_allowed_and_understood(text: str) -> None:
    content = yaml.safe_load(text)

    assert [error.message for error in VALIDATOR.iter_errors(content)] == []
    assert not refused_by_the_parser(content or {})


@pytest.mark.parametrize(
    "text",
    [
        "brakers: {}",
        "breakers: {payments: {failure_treshold: 3}}",
        "breakers: {payments: {failure_threshold: 0}}",
        "breakers: {payments: {failure_threshold: '3'}}",
        "breakers: {payments: {failure_rate: 50}}",
        "breakers: {payments: {recovery_time: soon}}",
        "breakers: {payments: {recovery_time: 30 seconds}}",
        "breakers: {payments: {recovery_time: -1}}",
        "breakers: {payments: {mode: loud}}",
        "breakers: {payments: {ignore: [shop errors]}}",
        "breakers: {payments: {fallback: 5}}",
        "breakers: {payments: {state: open}}",
        "breakers: {payments: {state: true}}",
        "breakers: {payments: {reason: INC-4711}}",
        "breakers: {payments: 3}",
        "breakers: [payments]",
        "defaults: {state: forced_open}",
        "targets: {function: 'shop:charge'}",
        "targets: ['shop:charge']",
        "targets: [{breaker: payments}]",
        "targets: [{function: shop.payments.charge}]",
        "targets: [{function: 'shop:charge', braker: payments}]",
        "targets: [{function: 'shop:charge', breaker: ''}]",
        "targets: [{function: 'shop:*', exclude: 'shop:x'}]",
        "targets: [{function: 'shop:charge', recovery_time: 5 parsecs}]",
        "reload: often",
        "reload: 0",
    ],
)
def test_what_is_usually_mistaken_is_refused_by_both(text: str) -> None:
    content = yaml.safe_load(text)

    assert (VALIDATOR.is_valid(content), refused_by_the_parser(content)) == (False, True)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["schema"])

    assert (status, capsys.readouterr().out) == (0, shipped())
