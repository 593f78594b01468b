"""What to guard, and how: the meaning of a configuration mapping. Which mapping that is, sources.py knows.

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
"""Everything that may be said."""
OVERRIDE_KEYS: Final = ("state", "reason", "actor")
"""What may be said of a breaker beside its settings."""
_SETTINGS: Final = tuple(spec.name for spec in fields(Settings))
_SWITCHES: Final = tuple(spec.name for spec in fields(TelemetrySettings))


@dataclass(frozen=True)
class Configuration:
    """Breakers by name, the functions they guard, and which of them are forced."""

    breakers: Mapping[str, Settings]
    targets: tuple[Target, ...]
    overrides: Mapping[str, StateOverride] = field(default_factory=dict)
    telemetry: Mapping[str, object] = field(default_factory=dict)
    """The switches that are set."""
    reload: float | None = None
    """How often to look whether the file has changed, in seconds; None is never."""
    suspected_typos: tuple[SuspectedTypo, ...] = ()
    """What is allowed, and hardly meant."""


def parse_configuration(said: Mapping[str, object], source: str, actor: str = "configuration") -> Configuration:
    """Check a configuration and work out what it means.

    Args:
        said: what is configured.
        source: what to put before the path in an error.
        actor: who forces circuits, where the configuration does not say.

    Raises:
        InvalidSettings: the first mistake.
    """
    return _examine(said, source, actor, Problems(first_only=True))


def validate_configuration(
    said: Mapping[str, object], source: str, actor: str = "configuration"
) -> tuple[Configuration, list[InvalidSettings]]:
    """As `parse_configuration`, but look for all mistakes; what has one is not in the result."""
    problems = Problems()
    return _examine(said, source, actor, problems), problems.found


def _examine(said: Mapping[str, object], source: str, actor: str, problems: Problems) -> Configuration:
    for key in said:
        with problems:
            _check_key(key, KEYS, f"{source}{below('', key)}", "key")
    path = f"{source}defaults"
    defaults = _Defaults(_values(said.get("defaults"), path, problems), path, problems)
    path = f"{source}breakers"
    own, orders = _breakers(said.get("breakers"), path, actor, problems)
    breakers = {name: defaults.under(settings, below(path, name), problems) for name, settings in own.items()}
    path = f"{source}targets"
    targets: tuple[Target, ...] = ()
    with problems:
        targets = read_targets(_listed(said.get("targets"), path), path, defaults.make, problems)
    by_breaker = settings_by_breaker(targets, own, problems)
    for name, (settings, where) in by_breaker.items():
        if settings:
            breakers[name] = defaults.under({**own.get(name, {}), **settings}, where, problems)
        else:
            breakers.setdefault(name, defaults.alone)
    switches = _switches(said.get("telemetry"), f"{source}telemetry", problems)
    reload = None
    with problems:
        reload = optional(interval)(said.get("reload"), f"{source}reload")
    return Configuration(breakers, targets, orders, switches, reload, find_suspected_typos(targets, own, by_breaker))


class _Defaults:
    """What every breaker has unless it says otherwise; and what the environment says of all of them."""

    def __init__(self, said: Mapping[str, object], path: str, problems: Problems) -> None:
        self._said: Mapping[str, object] = {}
        self.alone = Settings()
        with problems:
            self.alone = self.make(said, path)
            self._said = said

    def make(self, said: Mapping[str, object], path: str) -> Settings:
        """Settings of what is said, the defaults, and the environment."""
        mode = os.environ.get(OTEL_BREAKER_MODE, "").strip().lower()
        override = {"mode": mode} if mode else {}
        try:
            return Settings.from_mapping({**self._said, **said, **override}, path)
        except InvalidSettings as error:
            if override and error.path.endswith(".mode"):
                raise InvalidSettings(OTEL_BREAKER_MODE, error.problem, error.remedy) from None
            raise

    def under(self, said: Mapping[str, object], path: str, problems: Problems) -> Settings:
        """The same; the defaults alone where that makes no whole."""
        with problems:
            return self.make(said, path)
        return self.alone


def _breakers(
    value: object, path: str, actor: str, problems: Problems
) -> tuple[dict[str, Mapping[str, object]], dict[str, StateOverride]]:
    """What is said of each breaker, and which are forced."""
    said: dict[str, Mapping[str, object]] = {}
    orders: dict[str, StateOverride] = {}
    with problems:
        for name, part in mapping(value, path).items():
            where = below(path, name)
            with problems:
                if not isinstance(name, str):  # YAML 1.1 reads a bare `no` as false
                    raise no_text(where, name, "text; write the name in quotes")
                identifiers.name(name, where)
                settings = {key: given for key, given in mapping(part, where).items() if key not in OVERRIDE_KEYS}
                said[name] = _values(settings, where, problems, (*OVERRIDE_KEYS, *_SETTINGS))
                order = _order(mapping(part, where), where, actor)
                if order is not None:
                    orders[name] = order
    return said, orders


def _order(said: Mapping[str, object], path: str, actor: str) -> StateOverride | None:
    state = said.get("state")
    if state is None:
        for key in ("reason", "actor"):
            if key in said:
                raise InvalidSettings(f"{path}.{key}", "no state is forced", "say `state: forced_open` beside it")
        return None
    known = {order.value: order for order in STATES}
    if not isinstance(state, str) or state not in known:
        raise allowed(f"{path}.state", state, f"{' or '.join(known)}; nothing for a circuit that its calls move")
    named = optional(text)(said.get("actor"), f"{path}.actor")
    return StateOverride(CircuitState(state), named or actor, optional(text)(said.get("reason"), f"{path}.reason"))


def _values(value: object, path: str, problems: Problems, known: tuple[str, ...] = _SETTINGS) -> Mapping[str, object]:
    """Settings that are right, each on its own; none of them when one is not: the others may need it."""
    read: dict[str, object] = {}
    before = len(problems)
    with problems:
        for name, given in mapping(value, path).items():
            with problems:
                _check_key(name, known, below(path, name), "setting")
                read |= Settings.read_values({name: given}, path)
    return read if len(problems) == before else {}


def _switches(value: object, path: str, problems: Problems) -> Mapping[str, object]:
    """TelemetrySettings that are right."""
    right: dict[str, object] = {}
    with problems:
        for name, given in mapping(value, path).items():
            with problems:
                _check_key(name, _SWITCHES, below(path, name), "switch")
                TelemetrySettings.from_mapping({name: given}, path)
                right[name] = given
    return right


def _check_key(key: object, known: tuple[str, ...], path: str, kind: str) -> None:
    if key not in known:
        raise InvalidSettings(path, f"there is no such {kind}", nearest(key, known))


def _listed(value: object, path: str) -> list[object] | tuple[object, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise no_text(path, value, "a list of targets such as {function: module:qualified.name}")
    return value
