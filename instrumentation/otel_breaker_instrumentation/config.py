"""The meaning of a configuration mapping: which breakers there are, and what they guard. sources.py finds the mapping.

Everything is checked before anything is used; a mistake is an `InvalidSettings` that names path, value and remedy.
No code that a configuration names is imported here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from otel_breaker import CircuitState, InvalidSettings
from otel_breaker.overrides import STATES, StateOverride
from otel_breaker.settings import Settings, TelemetrySettings, identifiers
from otel_breaker.settings.messages import allowed, below, nearest, no_text
from otel_breaker.settings.readers import interval, mapping, optional, text
from otel_breaker_instrumentation.entries import Target, read_targets, settings_by_breaker
from otel_breaker_instrumentation.environment_variables import OTEL_BREAKER_MODE
from otel_breaker_instrumentation.problems import Problems
from otel_breaker_instrumentation.suspected_typos import SuspectedTypo, find_suspected_typos

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Final = ("defaults", "breakers", "targets", "telemetry", "reload")
"""The keys of a configuration."""
OVERRIDE_KEYS: Final = ("state", "reason", "actor")
"""The keys of a breaker beside its settings."""
_SETTINGS: Final = tuple(spec.name for spec in fields(Settings))
_TELEMETRY_SETTINGS: Final = tuple(spec.name for spec in fields(TelemetrySettings))


@dataclass(frozen=True)
class Configuration:
    """Breakers by name, the functions they guard, and the states that some are forced into."""

    breakers: Mapping[str, Settings]
    targets: tuple[Target, ...]
    overrides: Mapping[str, StateOverride] = field(default_factory=dict)
    telemetry: Mapping[str, object] = field(default_factory=dict)
    """The telemetry settings that are configured."""
    reload: float | None = None
    """How often to look whether the file has changed, in seconds; None is never."""
    suspected_typos: tuple[SuspectedTypo, ...] = ()
    """Names that are allowed, and probably typos."""


def parse_configuration(content: Mapping[str, object], source: str, actor: str = "configuration") -> Configuration:
    """Check a configuration and work out what it means.

    Args:
        content: what is configured.
        source: what to put before the path in an error.
        actor: who forces circuits, unless that is configured.

    Raises:
        InvalidSettings: the first mistake.
    """
    return _parse(content, source, actor, Problems(first_only=True))


def validate_configuration(
    content: Mapping[str, object], source: str, actor: str = "configuration"
) -> tuple[Configuration, list[InvalidSettings]]:
    """As `parse_configuration`, but find all mistakes; parts with a mistake are not in the result."""
    problems = Problems()
    return _parse(content, source, actor, problems), problems.found


def _parse(content: Mapping[str, object], source: str, actor: str, problems: Problems) -> Configuration:
    for key in content:
        with problems:
            _check_key(key, KEYS, f"{source}{below('', key)}", "key")
    path = f"{source}defaults"
    defaults = _Defaults(_values(content.get("defaults"), path, problems), path, problems)
    path = f"{source}breakers"
    entries, overrides = _breakers(content.get("breakers"), path, actor, problems)
    breakers = {name: defaults.combine(entry, below(path, name), problems) for name, entry in entries.items()}
    path = f"{source}targets"
    targets: tuple[Target, ...] = ()
    with problems:
        targets = read_targets(_listed(content.get("targets"), path), path, defaults.make, problems)
    by_breaker = settings_by_breaker(targets, entries, problems)
    for name, (settings, where) in by_breaker.items():
        if settings:
            breakers[name] = defaults.combine({**entries.get(name, {}), **settings}, where, problems)
        else:
            breakers.setdefault(name, defaults.settings)
    telemetry = _telemetry(content.get("telemetry"), f"{source}telemetry", problems)
    reload = None
    with problems:
        reload = optional(interval)(content.get("reload"), f"{source}reload")
    typos = find_suspected_typos(targets, entries, by_breaker)
    return Configuration(breakers, targets, overrides, telemetry, reload, typos)


class _Defaults:
    """The settings of every breaker that has none of its own, and what the environment overrides in all of them."""

    def __init__(self, values: Mapping[str, object], path: str, problems: Problems) -> None:
        self._values: Mapping[str, object] = {}
        self.settings = Settings()
        with problems:
            self.settings = self.make(values, path)
            self._values = values

    def make(self, values: Mapping[str, object], path: str) -> Settings:
        """Make settings of a breaker's own values, the defaults, and the environment."""
        mode = os.environ.get(OTEL_BREAKER_MODE, "").strip().lower()
        override = {"mode": mode} if mode else {}
        try:
            return Settings.from_mapping({**self._values, **values, **override}, path)
        except InvalidSettings as error:
            if override and error.path.endswith(".mode"):
                raise InvalidSettings(OTEL_BREAKER_MODE, error.problem, error.remedy) from None
            raise

    def combine(self, values: Mapping[str, object], path: str, problems: Problems) -> Settings:
        """As `make`; the defaults alone where the values contradict each other."""
        with problems:
            return self.make(values, path)
        return self.settings


def _breakers(
    value: object, path: str, actor: str, problems: Problems
) -> tuple[dict[str, Mapping[str, object]], dict[str, StateOverride]]:
    """The values of each breaker, and the state overrides."""
    values: dict[str, Mapping[str, object]] = {}
    overrides: dict[str, StateOverride] = {}
    with problems:
        for name, entry in mapping(value, path).items():
            where = below(path, name)
            with problems:
                if not isinstance(name, str):  # YAML 1.1 reads a bare `no` as false
                    raise no_text(where, name, "text; write the name in quotes")
                identifiers.name(name, where)
                settings = {key: given for key, given in mapping(entry, where).items() if key not in OVERRIDE_KEYS}
                values[name] = _values(settings, where, problems, (*OVERRIDE_KEYS, *_SETTINGS))
                override = _override(mapping(entry, where), where, actor)
                if override is not None:
                    overrides[name] = override
    return values, overrides


def _override(entry: Mapping[str, object], path: str, actor: str) -> StateOverride | None:
    state = entry.get("state")
    if state is None:
        for key in ("reason", "actor"):
            if key in entry:
                raise InvalidSettings(f"{path}.{key}", "no state is forced", "set `state: forced_open` beside it")
        return None
    known = {forced.value: forced for forced in STATES}
    if not isinstance(state, str) or state not in known:
        raise allowed(f"{path}.state", state, f"{' or '.join(known)}; none for a circuit whose calls change its state")
    named = optional(text)(entry.get("actor"), f"{path}.actor")
    return StateOverride(CircuitState(state), named or actor, optional(text)(entry.get("reason"), f"{path}.reason"))


def _values(value: object, path: str, problems: Problems, known: tuple[str, ...] = _SETTINGS) -> Mapping[str, object]:
    """Settings that are valid, each on its own; none when one is not, since the others may depend on it."""
    values: dict[str, object] = {}
    before = len(problems)
    with problems:
        for name, given in mapping(value, path).items():
            with problems:
                _check_key(name, known, below(path, name), "setting")
                values |= Settings.read_values({name: given}, path)
    return values if len(problems) == before else {}


def _telemetry(value: object, path: str, problems: Problems) -> Mapping[str, object]:
    """Telemetry settings that are valid."""
    valid: dict[str, object] = {}
    with problems:
        for name, given in mapping(value, path).items():
            with problems:
                _check_key(name, _TELEMETRY_SETTINGS, below(path, name), "setting")
                TelemetrySettings.from_mapping({name: given}, path)
                valid[name] = given
    return valid


def _check_key(key: object, known: tuple[str, ...], path: str, kind: str) -> None:
    if key not in known:
        raise InvalidSettings(path, f"there is no such {kind}", nearest(key, known))


def _listed(value: object, path: str) -> list[object] | tuple[object, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise no_text(path, value, "a list of targets such as {function: module:qualified.name}")
    return value
