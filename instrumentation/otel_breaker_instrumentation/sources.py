"""Where the configuration comes from: exactly one source says what is guarded, and how.

What is given in code or by OpenTelemetry's declarative configuration wins over the file that the environment names,
which wins over the targets that it lists. A source that is set and not used is named in a warning.
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


_DECLARED: Final = "OTEL_CONFIG_FILE"
"""Names OpenTelemetry's declarative configuration."""
_US: Final = "otel_breaker"
"""What that calls us: our entry point."""


@dataclass(frozen=True)
class LoadedConfiguration:
    """A configuration, and where it was found."""

    configuration: Configuration
    file: str | None = None
    """The file that it was read from, when that is ours."""
    text: str | None = None
    """What stood there."""


def load_configuration(given: Mapping[str, object] | None, actor: str = "configuration") -> LoadedConfiguration | None:
    """The configuration in force.

    Args:
        given: what was given in code or by OpenTelemetry's declarative configuration; wins over the environment.
        actor: who gave it, for the circuits that it forces.

    Returns:
        None when nothing is configured, or all is switched off.

    Raises:
        InvalidSettings: naming path, value and remedy.
    """
    if not _enabled():
        return None
    named = {name: os.environ.get(name) or "" for name in (OTEL_BREAKER_CONFIG_FILE, OTEL_BREAKER_TARGETS)}
    named = {name: value for name, value in named.items() if value}
    if not given and (not named or _declared_as_disabled()):
        return None
    used = None if given else next(iter(named))
    unused = [f"{name}={printable(value)[:LONGEST]}" for name, value in named.items() if name != used]
    if unused:
        diagnostics.warning(
            "not used: %s: the breakers are configured by %s", ", ".join(unused), used or "what was given"
        )
    if given:
        return LoadedConfiguration(_unwatched(parse_configuration(given, "", actor)))
    if used == OTEL_BREAKER_CONFIG_FILE:
        file = str(Path(named[used]).absolute())  # a process may leave the folder that it was started in
        text = read_text(file)
        return LoadedConfiguration(parse_configuration_file(text, file), file, text)
    return LoadedConfiguration(
        parse_configuration({"targets": _listed(named[OTEL_BREAKER_TARGETS])}, f"{OTEL_BREAKER_TARGETS}: ")
    )


def parse_configuration_file(text: str, file: str) -> Configuration:
    """What a file means.

    Args:
        text: what stands in it.
        file: its name, for errors, and for the circuits that it forces.

    Raises:
        InvalidSettings: naming path, value and remedy.
    """
    return parse_configuration(parse(text, file), f"{file}: ", actor=file)


def _unwatched(configuration: Configuration) -> Configuration:
    if configuration.reload is not None:
        raise InvalidSettings("reload", "there is no file to watch", f"name one by {OTEL_BREAKER_CONFIG_FILE}")
    return configuration


def _listed(text: str) -> list[dict[str, str]]:
    """Targets as one line: `module:name=breaker,module:name`."""
    targets = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        function, equals, breaker = (part.strip() for part in item.partition("="))
        targets.append({"function": function} | ({"breaker": breaker} if equals else {}))
    return targets


def _declared_as_disabled() -> bool:
    """Whether OpenTelemetry's declarative configuration says `enabled: false` of us: we are called all the same."""
    file = os.environ.get(_DECLARED)
    if not file:
        return False
    try:
        from opentelemetry.configuration import load_config_file  # noqa: PLC0415  # there is none without the SDK

        declared = load_config_file(file).instrumentation_development
    except Exception:
        return False  # it cannot be read; whoever sets the SDK up by it says so
    options = ((declared and declared.python) or {}).get(_US) or {}
    return not options.get("enabled", True)


def _enabled() -> bool:
    value = os.environ.get(OTEL_BREAKER_ENABLED, "").strip().lower()
    return not value or flag(value, OTEL_BREAKER_ENABLED)
