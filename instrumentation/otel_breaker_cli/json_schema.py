"""The JSON Schema of the configuration, for editors: made from the settings; `make docs` writes it beside this file.

It allows every configuration that the instrumentor accepts, and refuses the usual mistakes.
"""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.overrides import STATES
from otel_breaker.settings import Settings, TelemetrySettings
from otel_breaker.settings.readers import interval, optional, text

if TYPE_CHECKING:
    from otel_breaker.settings.readers import Reader

NAME: Final = "breakers.schema.json"
"""The name of the file."""

_A_FUNCTION: Final = {"type": "string", "pattern": r"^[^\s:]+:[^\s:]+$"}
_OVERRIDE: Final = {
    "state": {
        "enum": [*(state.value for state in STATES), None],
        "description": "Force the circuit open (refuse all calls) or closed (let all pass) until the line is removed.",
    },
    "reason": {**optional(text).schema, "description": "Why the circuit is forced, for telemetry."},
    "actor": {**optional(text).schema, "description": "Who forces the circuit; the file unless set."},
}
_TARGET: Final = {
    "function": {
        **_A_FUNCTION,
        "description": "What to guard: module:qualified.name, with `*` within one dotted part after the colon.",
        "examples": ["shop.payments:PaymentClient.charge", "shop.clients:*Client.send_*"],
    },
    "breaker": {
        **optional(text).schema,
        "description": "The breaker that guards it, with {parameter} for one circuit for each value of a parameter;"
        " one of its own, named after it, unless set.",
        "examples": ["payments", "tenant {tenant_id}"],
    },
    "exclude": {
        "anyOf": [{"type": "array", "items": _A_FUNCTION}, {"type": "null"}],
        "description": "Functions that `function` matches and that are not guarded.",
        "examples": [["shop.clients:TestClient.*"]],
    },
}


def schema() -> dict[str, Any]:
    """Make the schema."""
    settings = {spec.name: {"$ref": f"#/$defs/{spec.name}"} for spec in fields(Settings)}
    breaker = {
        **_mapping({**settings, **_OVERRIDE}),
        "dependentRequired": {"reason": ["state"], "actor": ["state"]},
    }
    target = {**_mapping({**_TARGET, **settings}), "type": "object", "required": ["function"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Circuit breakers: what is guarded, and how",
        **_mapping(
            {
                "defaults": {
                    "description": "Settings of every breaker that does not set them itself.",
                    **_mapping(settings),
                },
                "breakers": {
                    "description": "Settings of breakers, by name.",
                    "type": ["object", "null"],
                    "additionalProperties": breaker,
                },
                "targets": {
                    "description": "The functions to guard.",
                    "anyOf": [{"type": "array", "items": target}, {"type": "null"}],
                },
                "telemetry": {
                    "description": "The telemetry of all breakers.",
                    **_mapping(
                        {
                            spec.name: _setting(spec.metadata["read"], spec.metadata["meaning"])
                            for spec in fields(TelemetrySettings)
                        }
                    ),
                },
                "reload": {
                    **optional(interval).schema,
                    "description": "How often to look whether the file has changed; never unless set.",
                    "examples": ["5s"],
                },
            }
        ),
        "$defs": {spec.name: _setting(spec.metadata["read"], spec.metadata["meaning"]) for spec in fields(Settings)},
    }


def shipped() -> str:
    """The schema as it is shipped."""
    return files(__package__).joinpath(NAME).read_text("utf-8")


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _setting(reader: Reader[object], meaning: str) -> dict[str, Any]:
    return {"description": meaning, **reader.schema}
