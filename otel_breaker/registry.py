"""Breakers by name: made once, kept alive, and listed."""

from __future__ import annotations

import logging
import os
import threading
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

from otel_breaker.breaker import CircuitBreaker, living
from otel_breaker.errors import InvalidSettings
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Unpack

    from otel_breaker.settings import Keywords

_log = logging.getLogger("otel_breaker")

B = TypeVar("B", CircuitBreaker, KeyedBreaker)


class Registry:
    """Breakers that were asked for by name, with and without a key."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._keyed: dict[str, KeyedBreaker] = {}
        self._said: dict[str, tuple[Mapping[str, object], Settings]] = {}
        self._configured: dict[str, Settings] = {}

    def configure(self, settings: Mapping[str, Settings]) -> None:
        """Let an operator's settings win over those of the code, for breakers made before and after.

        Args:
            settings: by name; an empty mapping takes them back for breakers made from now on.
        """
        with self._lock:
            self._configured = dict(settings)
        self._replace_all(settings)

    def configure_unless_named(self, name: str, settings: Settings) -> None:
        """Configure one more breaker, unless `configure` has."""
        with self._lock:
            if self._configured.setdefault(name, settings) is not settings:
                return
        self._replace_all({name: settings})

    def get(self, name: str, said: Mapping[str, object]) -> CircuitBreaker:
        """The breaker of a name, without a key."""
        with self._lock:
            news = self._hear(name, said)
            breaker = self._breakers.get(name)
        if breaker is not None and not news:
            return breaker

        def keep(settings: Settings) -> CircuitBreaker:
            breaker = self._breakers.get(name) or CircuitBreaker(name, ready=settings)
            breaker.replace_settings(settings)
            self._breakers[name] = breaker
            return breaker

        return self._with_settings(name, keep)

    def get_keyed(self, name: str, said: Mapping[str, object]) -> KeyedBreaker:
        """All breakers of a name that go by a key."""
        with self._lock:
            news = self._hear(name, said)
            keyed = self._keyed.get(name)
        if keyed is not None and not news:
            return keyed

        def keep(settings: Settings) -> KeyedBreaker:
            keyed = self._keyed.get(name)
            if keyed is None:  # one without a breaker is falsy
                keyed = self._keyed[name] = KeyedBreaker(name, settings)
            keyed.replace_settings(settings)
            return keyed

        return self._with_settings(name, keep)

    def start_afresh(self) -> None:
        """In a forked child: whoever held a lock is gone."""
        self._lock = threading.RLock()
        for keyed in self._keyed.values():
            keyed.start_afresh()

    def forget_settings(self) -> None:
        """Let code say of each name anew what its settings are; for tests."""
        with self._lock:
            self._said = {name: ({}, settings) for name, (_, settings) in self._said.items()}

    def _with_settings(self, name: str, keep: Callable[[Settings], B]) -> B:
        """Do something, locked, with the settings that a name has then."""
        while True:
            wanted = self._wanted(name)
            # Not under the lock: it imports modules, which may ask for breakers, in any thread.
            settings = wanted.resolved()
            with self._lock:
                if wanted is self._wanted(name):
                    return keep(settings)

    def _wanted(self, name: str) -> Settings:
        return self._configured.get(name) or self._said[name][1]

    def _replace_all(self, settings: Mapping[str, Settings]) -> None:
        with self._lock:
            living = [(self._breakers.get(name), self._keyed.get(name)) for name in settings]
        for breaker in chain.from_iterable(living):
            if breaker is not None:  # a keyed one without a key is falsy
                self._replace(breaker, settings[breaker.name])

    def _replace(self, breaker: CircuitBreaker | KeyedBreaker, settings: Settings) -> None:
        said, _ = self._said[breaker.name]
        if said:
            _log.warning(_OVERRULED, breaker.name, dict(said))
        try:
            breaker.replace_settings(settings.resolved())
        except InvalidSettings as error:
            _log.error("circuit breaker %r keeps its settings: %s", breaker.name, error)  # says it all

    def _hear(self, name: str, said: Mapping[str, object]) -> bool:
        """Take in what code says of a name; False when that is nothing new. It may be said in one place only."""
        known = self._said.get(name)
        if known is not None and (not said or said == known[0]):
            return False
        settings = Settings.from_mapping(said, name)
        if name in self._configured:
            if said:
                _log.warning(_OVERRULED, name, dict(said))
        elif known is not None and known[0]:
            if settings == known[1]:
                return False
            problem = f"asked for with {dict(said)}, but made with {dict(known[0])}"
            raise InvalidSettings(name, problem, "give the settings in one place, or the same in both")
        self._said[name] = dict(said), settings
        return True


_OVERRULED: Final = "circuit breaker %r: its configured settings win over the code's %s"
REGISTRY: Final = Registry()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=REGISTRY.start_afresh)


def get_breaker(name: str, *, key: str | None = None, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """The breaker of a name: made at the first call, the same one ever after.

    Args:
        name: what telemetry calls it.
        key: one circuit of several that share name and settings, such as one per host or tenant; at most
            `max_keys` of them are kept.
        **settings: see docs/configuration.md; those of a configuration file win.

    Raises:
        InvalidSettings: for settings that are not allowed, or that differ from those it was made with.
    """
    return REGISTRY.get(name, settings) if key is None else REGISTRY.get_keyed(name, settings).for_key(key)


def breakers() -> list[CircuitBreaker]:
    """All living breakers, by name and key; for health endpoints."""
    return sorted(living(), key=lambda breaker: (breaker.name, breaker.key or ""))
