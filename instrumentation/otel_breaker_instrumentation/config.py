"""What to guard, and how: the meaning of a configuration mapping, and which source it is taken from.

Everything is checked before anything is used; a mistake is an `InvalidSettings` that names path, value and remedy.
No code that a configuration names is imported here.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from otel_breaker import InvalidSettings
from otel_breaker.keyed import Template
from otel_breaker.settings import Settings, labels
from otel_breaker.settings.values import allowed, nearest
from otel_breaker_instrumentation.environment_variables import (
    OTEL_BREAKER_CONFIG_FILE,
    OTEL_BREAKER_ENABLED,
    OTEL_BREAKER_MODE,
)
from otel_breaker_instrumentation.files import read_file

_log = logging.getLogger("otel_breaker")

_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_KNOWN: Final = ("defaults", "breakers", "targets")
_TARGET_KEYS: Final = ("function", "breaker")


@dataclass(frozen=True)
class Target:
    """One function to guard."""

    module: str
    qualified_name: str
    breaker: Template
    path: str
    """Where it stands in the configuration."""

    def __str__(self) -> str:
        return f"{self.module}:{self.qualified_name}"


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
    breakers = {
        labels.name(name, f"{source}breakers"): _settings(
            _mapping(said, f"{source}breakers.{name}"), defaults, f"{source}breakers.{name}"
        )
        for name, said in _mapping(mapping.get("breakers"), f"{source}breakers").items()
    }
    listed = mapping.get("targets")
    if listed is None:
        listed = ()
    if not isinstance(listed, list | tuple):
        raise allowed(f"{source}targets", listed, "a list of targets such as {function: module:qualified.name}")
    targets = tuple(_target(item, f"{source}targets[{index}]") for index, item in enumerate(listed))
    for target in targets:
        if target.breaker.name not in breakers:
            breakers[target.breaker.name] = _settings({}, defaults, target.path)
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


def _target(item: object, path: str) -> Target:
    said = _mapping(item, path)
    _check_keys(said, _TARGET_KEYS, f"{path}.")
    function, breaker = said.get("function"), said.get("breaker")
    if not isinstance(function, str) or not _FUNCTION.fullmatch(function):
        raise allowed(f"{path}.function", function, "module:qualified.name, such as shop.payments:Client.charge")
    if breaker is not None and (not isinstance(breaker, str) or not breaker):
        raise allowed(f"{path}.breaker", breaker, "the name of a breaker")
    module, _, qualified_name = function.partition(":")
    return Target(module, qualified_name, Template(breaker or labels.clean(function), f"{path}.breaker"), path)


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
