"""Loads the configuration from its source: exactly one source configures which functions are guarded, and how.

Keyword arguments and OpenTelemetry's declarative configuration win over the file that the environment names, which
wins over the targets that the environment lists. A source that is set and not used is named in a warning.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_breaker import InvalidSettings, diagnostics
from otel_breaker.settings.readers import flag
from otel_breaker.text import LONGEST, printable
from otel_breaker_instrumentation.config import Configuration, parse_configuration
from otel_breaker_instrumentation.environment_variables import (
    OTEL_BREAKER_CONFIG_FILE,
    OTEL_BREAKER_ENABLED,
    OTEL_BREAKER_TARGETS,
)
from otel_breaker_instrumentation.files import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping


_DECLARATIVE_FILE: Final = "OTEL_CONFIG_FILE"
"""Names the file of OpenTelemetry's declarative configuration."""
_ENTRY_POINT: Final = "otel_breaker"
"""Our key in that file."""


@dataclass(frozen=True)
class LoadedConfiguration:
    """A configuration, and its source."""

    configuration: Configuration
    file: str | None = None
    """The file that it was read from; None for any other source."""
    text: str | None = None
    """The content of the file."""


def load_configuration(given: Mapping[str, object] | None, actor: str = "configuration") -> LoadedConfiguration | None:
    """Load the configuration of this process.

    Args:
        given: keyword arguments or OpenTelemetry's declarative configuration; they win over the environment.
        actor: who gave it, for the circuits that it forces.

    Returns:
        None when nothing is configured, or `OTEL_BREAKER_ENABLED` is false.

    Raises:
        InvalidSettings: naming path, value and remedy.
    """
    if not _enabled():
        return None
    named = {name: os.environ.get(name) or "" for name in (OTEL_BREAKER_CONFIG_FILE, OTEL_BREAKER_TARGETS)}
    named = {name: value for name, value in named.items() if value}
    if not given and (not named or _is_disabled_declaratively()):
        return None
    used = None if given else next(iter(named))
    unused = [f"{name}={printable(value)[:LONGEST]}" for name, value in named.items() if name != used]
    if unused:
        diagnostics.warning(
            "not used: %s: the breakers are configured by %s", ", ".join(unused), used or "what was given"
        )
    if given:
        return LoadedConfiguration(_without_reload(parse_configuration(given, "", actor)))
    if used == OTEL_BREAKER_CONFIG_FILE:
        file = str(Path(named[used]).absolute())  # a process may leave the folder that it was started in
        text = read_text(file)
        return LoadedConfiguration(parse_configuration_file(text, file), file, text)
    return LoadedConfiguration(
        parse_configuration({"targets": _parse_targets(named[OTEL_BREAKER_TARGETS])}, f"{OTEL_BREAKER_TARGETS}: ")
    )


def parse_configuration_file(text: str, file: str) -> Configuration:
    """Parse the content of a configuration file.

    Args:
        text: the content.
        file: its name, for errors, and for the circuits that it forces.

    Raises:
        InvalidSettings: naming path, value and remedy.
    """
    return parse_configuration(parse(text, file), f"{file}: ", actor=file)


def _without_reload(configuration: Configuration) -> Configuration:
    if configuration.reload is not None:
        raise InvalidSettings("reload", "there is no file to watch", f"name one by {OTEL_BREAKER_CONFIG_FILE}")
    return configuration


def _parse_targets(text: str) -> list[dict[str, str]]:
    """Targets as one line: `module:name=breaker,module:name`."""
    targets = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        function, equals, breaker = (part.strip() for part in item.partition("="))
        targets.append({"function": function} | ({"breaker": breaker} if equals else {}))
    return targets


def _is_disabled_declaratively() -> bool:
    """Whether OpenTelemetry's declarative configuration has `enabled: false` for us: it calls us all the same."""
    file = os.environ.get(_DECLARATIVE_FILE)
    if not file:
        return False
    try:
        from opentelemetry.configuration import load_config_file  # noqa: PLC0415  # there is none without the SDK

        declared = load_config_file(file).instrumentation_development
    except Exception:
        return False  # it cannot be read, which the SDK logs when it reads the file itself
    options = ((declared and declared.python) or {}).get(_ENTRY_POINT) or {}
    return not options.get("enabled", True)


def _enabled() -> bool:
    value = os.environ.get(OTEL_BREAKER_ENABLED, "").strip().lower()
    return not value or flag(value, OTEL_BREAKER_ENABLED)
