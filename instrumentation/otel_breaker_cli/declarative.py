"""Finds our part in OpenTelemetry's declarative configuration, so that `check` accepts such a file as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker import InvalidSettings
from otel_breaker.settings.readers import mapping
from otel_breaker_instrumentation.files import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECLARATIVE: Final = ("file_format", "instrumentation/development")
"""Top-level keys of OpenTelemetry's declarative configuration, which ours has not."""
_OURS: Final = ("instrumentation/development", "python", "otel_breaker")


def parse_any(text: str, name: str) -> tuple[Mapping[str, object], str]:
    """Parse a configuration file of ours, or OpenTelemetry's declarative configuration.

    Args:
        text: the content of the file.
        name: of the file.

    Returns:
        What is configured, and the path where it begins, for errors.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy; also when a declarative one has no part of ours.
    """
    content = parse(text, name)
    if not any(key in content for key in _DECLARATIVE):
        return content, f"{name}: "
    part: object = parse(text, name, variables=True)
    path = f"{name}: "
    for key in _OURS:
        inner = mapping(part, path.rstrip(". ")).get(key)
        if inner is None:
            where = ".".join(_OURS)
            raise InvalidSettings(f"{path}{key}", "it says nothing of breakers", f"configure them under {where}")
        part, path = inner, f"{path}{key}."
    ours = mapping(part, path.rstrip("."))
    return {key: value for key, value in ours.items() if key != "enabled"}, path
