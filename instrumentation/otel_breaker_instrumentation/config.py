"""What to guard, and how: the meaning of a configuration mapping, and which source it is taken from.

Everything is checked before anything is used; a mistake is an `InvalidSettings` that names path, value and remedy.
No code that a configuration names is imported here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from otel_breaker import InvalidSettings
from otel_breaker.settings import Settings
from otel_breaker.settings.values import allowed, nearest
from otel_breaker_instrumentation.entries import Target, read_targets, settings_by_breaker
from otel_breaker_instrumentation.environment_variables import (
    OTEL_BREAKER_CONFIG_FILE,
    OTEL_BREAKER_ENABLED,
    OTEL_BREAKER_MODE,
)
from otel_breaker_instrumentation.files import read_file

_log = logging.getLogger("otel_breaker")

_KNOWN: Final = ("defaults", "breakers", "targets")


@dataclass(frozen=True)
class Configuration:
    """Breakers by name, and the functions they guard."""

    breakers: Mapping[str, Settings]
    targets: tuple[Target, ...]


def find(mapping: Mapping[str, object] | None) -> Configuration | None:
    """The configuration in force.

    Args:
        mapping: what was given in code or by OpenTelemetry's declarative configuration; wins over the environment.

    Returns:
        None when nothing is configured, or all is switched off.

    Raises:
        InvalidSettings: naming path, value and remedy.
    """
    if not _enabled():
        return None
    file = os.environ.get(OTEL_BREAKER_CONFIG_FILE)
    if mapping:
        if file:
            _log.warning("%s=%s is not used: the breakers are configured elsewhere", OTEL_BREAKER_CONFIG_FILE, file)
        return understand(mapping, "")
    return understand(read_file(file), f"{file}: ") if file else None


def understand(mapping: Mapping[str, object], source: str) -> Configuration:
    """Check a configuration and work out what it means.

    Args:
        mapping: `defaults`, `breakers` and `targets`.
        source: what to put before the path in an error.
    """
    _check_keys(mapping, _KNOWN, source)
    defaults = _mapping(mapping.get("defaults"), f"{source}defaults")
    Settings.from_mapping(defaults, f"{source}defaults")
    said = {
        str(name): _mapping(settings, f"{source}breakers.{name}")
        for name, settings in _mapping(mapping.get("breakers"), f"{source}breakers").items()
    }
    breakers = {name: _settings(settings, defaults, f"{source}breakers.{name}") for name, settings in said.items()}
    plain = _settings({}, defaults, f"{source}defaults")
    targets = read_targets(
        (_mapping(item, f"{source}targets[{index}]") for index, item in enumerate(_listed(mapping, source))),
        f"{source}targets",
        lambda settings, path: _settings(settings, defaults, path) if settings else plain,
    )
    for name, (settings, path) in settings_by_breaker(targets, said).items():
        if settings:
            breakers[name] = _settings({**said.get(name, {}), **settings}, defaults, path)
        else:
            breakers.setdefault(name, plain)
    return Configuration(breakers, targets)


def _settings(said: Mapping[str, object], defaults: Mapping[str, object], path: str) -> Settings:
    mode = os.environ.get(OTEL_BREAKER_MODE, "").strip().lower()
    override = {"mode": mode} if mode else {}
    try:
        return Settings.from_mapping({**defaults, **said, **override}, path)
    except InvalidSettings as error:
        if override and error.path.endswith(".mode"):
            raise InvalidSettings(OTEL_BREAKER_MODE, error.problem, error.remedy) from None
        raise


def _listed(mapping: Mapping[str, object], source: str) -> list[object] | tuple[object, ...]:
    listed = mapping.get("targets")
    if listed is None:
        return ()
    if not isinstance(listed, list | tuple):
        raise allowed(f"{source}targets", listed, "a list of targets such as {function: module:qualified.name}")
    return listed


def _mapping(value: object, path: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise allowed(path, value, "a mapping of names to values")
    return value


def _check_keys(mapping: Mapping[str, object], known: tuple[str, ...], source: str) -> None:
    for key in mapping:
        if key not in known:
            raise InvalidSettings(f"{source}{key}", "there is no such key", nearest(str(key), known))


def _enabled() -> bool:
    said = os.environ.get(OTEL_BREAKER_ENABLED, "").strip().lower()
    if said in ("", "true", "1", "yes", "on"):
        return True
    if said in ("false", "0", "no", "off"):
        return False
    raise allowed(OTEL_BREAKER_ENABLED, said, "true or false")
