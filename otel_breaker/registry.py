"""Breakers by name: made once, kept alive, and listed.

Which settings a name has is decided in named_settings.py.
"""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Final

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, living
from otel_breaker.errors import InvalidSettings
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.locks import locked
from otel_breaker.named_settings import NamedSettings
from otel_breaker.overrides import StateOverride, replace_override
from otel_breaker.settings import identifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from typing_extensions import Unpack

    from otel_breaker.keyed import KeyedCircuit
    from otel_breaker.settings import Keywords, Settings


class _Previous:
    """What a new configuration replaces."""

    __slots__ = ("keyed", "overrides", "settings", "unkeyed")

    def __init__(
        self,
        unkeyed: list[CircuitBreaker],
        keyed: list[KeyedBreaker],
        settings: Mapping[str, Settings],
        overrides: Mapping[str, StateOverride],
    ) -> None:
        self.unkeyed = unkeyed
        self.keyed = keyed
        self.settings = settings
        self.overrides = overrides


class Registry:
    """The breakers that code or the configuration has asked for by name, with and without a key.

    Making a breaker, comparing settings and replacing those of a living one run code of the application, so all of
    that is done without the lock, and checked again afterwards. Single steps on a dictionary need no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._keyed: dict[str, KeyedBreaker] = {}
        self.find: dict[str, Callable[[Hashable], KeyedCircuit | None]] = {}
        """What finds the circuit of a key, by name: one look-up less for each call of `get_breaker`."""
        self._settings = NamedSettings()
        self._overrides: Mapping[str, StateOverride] = {}

    def configure(self, settings: Mapping[str, Settings], overrides: Mapping[str, StateOverride] | None = None) -> None:
        """Replace the configuration, for the breakers that exist and those to come.

        Args:
            settings: by name; they take precedence over the code's. A name that is no longer there has the code's
                settings again.
            overrides: by name; an override that is no longer there is lifted.
        """
        previous = self._exchange(settings, overrides or {})
        changed: list[CircuitBreaker | KeyedBreaker] = [*previous.unkeyed, *previous.keyed]
        for each in changed:
            if self._settings.in_force(each.name) != previous.settings[each.name]:
                self._apply_changed_settings(each)
        for breaker in previous.unkeyed:
            replace_override(breaker, previous.overrides.get(breaker.name), self._overrides.get(breaker.name))
        for keyed in previous.keyed:
            keyed.apply_override(self._overrides.get(keyed.name))

    @locked
    def _exchange(self, settings: Mapping[str, Settings], overrides: Mapping[str, StateOverride]) -> _Previous:
        in_force = {name: self._settings.in_force(name) for name in (*self._breakers, *self._keyed)}
        previous = _Previous(list(self._breakers.values()), list(self._keyed.values()), in_force, self._overrides)
        self._overrides = dict(overrides)
        self._settings.configure(settings)
        return previous

    def configure_unless_named(self, name: str, settings: Settings) -> None:
        """Configure one more breaker, unless `configure` has; in force until `configure` is given no settings."""
        if self._settings.of_target(name) != settings:
            for breaker in self._add_from_target(name, settings):
                self._apply_changed_settings(breaker)

    @locked
    def _add_from_target(self, name: str, settings: Settings) -> list[CircuitBreaker | KeyedBreaker]:
        """Add a target's settings; returns the breakers whose settings change."""
        if not self._settings.add_from_target(name, settings):
            return []
        # A keyed one without a breaker is falsy.
        return [each for each in (self._breakers.get(name), self._keyed.get(name)) if each is not None]

    def check(self, settings: Mapping[str, Settings]) -> None:
        """Check whether the living breakers could be configured with these settings.

        Raises:
            InvalidSettings: when one of them could not, because a reference cannot be imported.
        """
        for name in self.names() & settings.keys():
            settings[name].resolved()

    @locked
    def names(self) -> set[str]:
        """The names of all its breakers."""
        return {*self._breakers, *self._keyed}

    def get(self, name: str, keywords: Mapping[str, object]) -> CircuitBreaker:
        """The breaker of a name, without a key."""
        is_new = self._settings.take(name, keywords)
        breaker = self._breakers.get(name)
        if breaker is not None and not is_new:
            return breaker
        if breaker is None:
            # Another thread or a signal handler may have made it in the meantime: then theirs stays.
            made = CircuitBreaker._with_settings(name, self._settings.in_force(name))  # noqa: SLF001  # our own interface
            breaker = self._breakers.setdefault(name, made)
        self._apply_settings(breaker)
        replace_override(breaker, None, self._overrides.get(name))
        return breaker

    def get_keyed(self, name: str, keywords: Mapping[str, object]) -> KeyedBreaker:
        """The breakers of a name that have a key."""
        is_new = self._settings.take(name, keywords)
        keyed = self._keyed.get(name)
        if keyed is not None and not is_new:
            return keyed
        if keyed is None:  # one without a breaker is falsy
            made = KeyedBreaker(name, self._settings.in_force(name).resolved())
            keyed = self._keyed.setdefault(name, made)
        self._apply_settings(keyed)
        keyed.apply_override(self._overrides.get(name))
        self.find[name] = keyed.find
        return keyed

    def override(self, name: str, override: StateOverride | None) -> StateOverride | None:
        """Apply an override, or none, to the circuits of a name, future ones included.

        Returns:
            The override before it.
        """
        before = self._replace_override(name, override)
        breaker, keyed = self._breakers.get(name), self._keyed.get(name)
        if breaker is not None:
            replace_override(breaker, before, override)
        if keyed is not None:
            keyed.apply_override(override)
        return before

    @locked
    def _replace_override(self, name: str, override: StateOverride | None) -> StateOverride | None:
        others = {other: kept for other, kept in self._overrides.items() if other != name}
        before = self._overrides.get(name)
        self._overrides = others if override is None else {**others, name: override}
        return before

    def after_fork(self) -> None:
        """Replace the locks in a forked child: the thread that held one does not exist there."""
        self._lock = threading.RLock()
        self._settings.after_fork()
        for keyed in self._keyed.values():
            keyed.after_fork()

    def keywords_of(self, breaker: CircuitBreaker | KeyedBreaker) -> Mapping[str, object] | None:
        """The settings that code gave for a breaker of this registry; None for any other breaker."""
        name = breaker.name
        is_known = self._breakers.get(name) is breaker or self._keyed.get(name) is breaker
        if not is_known and isinstance(breaker, CircuitBreaker) and breaker.key is not None:
            keyed = self._keyed.get(name)
            is_known = keyed is not None and keyed.has(breaker)
        given = self._settings.from_code(name) if is_known else None
        return None if given is None else given.keywords

    def clear(self) -> None:
        """Drop all breakers as the program ends: code that settings refer to is finalised before its module is."""
        self.find.clear()
        self._breakers, self._keyed = {}, {}
        self._settings.clear_code()

    def forget_settings(self) -> None:
        """Let code give other settings for each name; for tests."""
        self._settings.forget_keywords()

    def _apply_settings(self, breaker: CircuitBreaker | KeyedBreaker) -> None:
        """Apply the settings in force to a breaker, also when they change in the meantime."""
        applied = None
        while applied is not self._settings.in_force(breaker.name):
            applied = self._settings.in_force(breaker.name)
            # `resolved` imports modules, which may ask for breakers.
            breaker._replace_settings(applied.resolved())  # noqa: SLF001  # our own interface

    def _apply_changed_settings(self, breaker: CircuitBreaker | KeyedBreaker) -> None:
        self._settings.warn_if_overruled(breaker.name)
        try:
            self._apply_settings(breaker)
        except InvalidSettings as error:
            diagnostics.error("circuit breaker %r keeps its settings: %s", breaker.name, error)


REGISTRY: Final = Registry()
_FIND: Final = REGISTRY.find
atexit.register(REGISTRY.clear)
FORKS.register(ForkStage.LOCKS, REGISTRY.after_fork)


def get_breaker(name: str, *, key: str | None = None, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """The breaker of a name: made at the first call, and the same one at each later call.

    Args:
        name: its name in telemetry: a line of at most 256 characters.
        key: one circuit of several that share name and settings, such as one per host or tenant; at most
            `max_keys` of them are kept. Telemetry, errors and snapshots show the part of it that is known to be safe,
            at most 256 characters, and a short digest in place of the rest, such as a URL's user or query.
        **settings: see docs/configuration.md; those of a configuration file take precedence.

    Raises:
        InvalidSettings: for a name or settings that are not allowed, or that differ from those it was made with.
    """
    if key is not None and not settings:  # the way of each call of a known key
        try:
            known = _FIND[name](key)
        except (KeyError, TypeError):  # the name is new, or is refused below
            known = None
        if known is not None:
            known.was_used = True
            return known.breaker
    name = identifiers.name(name, "name")
    return REGISTRY.get(name, settings) if key is None else REGISTRY.get_keyed(name, settings).for_key(key)


def breakers() -> list[CircuitBreaker]:
    """All living breakers, by name and key; for health endpoints."""
    return sorted(living(), key=lambda breaker: (breaker.name, breaker.key or ""))
