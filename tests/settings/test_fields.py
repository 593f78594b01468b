"""The docstrings of settings: editors show the same meaning that the documents and the JSON Schema do."""

from __future__ import annotations

import ast
from dataclasses import fields
from inspect import cleandoc, getsource
from typing import Any

import pytest

from otel_breaker.settings import Keywords, Settings, TelemetryKeywords, TelemetrySettings


def docstrings(kind: type) -> dict[str, str]:
    """The string literal after each field of a class, by the field's name."""
    [definition] = ast.parse(getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, literal in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(literal, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(cleandoc(ast.literal_eval(literal.value)).split())
    return found


@pytest.mark.parametrize(
    ("settings", "keywords"),
    [(Settings, Keywords), (TelemetrySettings, TelemetryKeywords)],
    ids=["breaker", "telemetry"],
)
def test_each_setting_has_its_meaning_as_the_docstring_of_its_field_and_of_its_keyword(
    settings: Any, keywords: type
) -> None:
    meanings = {spec.name: spec.metadata["meaning"] for spec in fields(settings)}

    assert docstrings(settings) == meanings
    assert docstrings(keywords) == meanings
