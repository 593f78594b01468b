"""Breakers by name: made once, kept alive, and listed."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from otel_breaker.breaker import LIVING, CircuitBreaker
from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from otel_breaker.settings import Keywords

_log = logging.getLogger("otel_breaker")


class Registry:
    """Breakers that were asked for by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._said: dict[str, Mapping[str, object]] = {}
        self._configured: Mapping[str, Settings] = {}

    def configure(self, settings: Mapping[str, Settings]) -> None:
        """Let an operator's settings win over those of the code, for breakers made before and after.

        Args:
            settings: by name; an empty mapping takes them back for breakers made from now on.
        """
        with self._lock:
            self._configured = dict(settings)
            living = [(self._breakers[name], wanted) for name, wanted in settings.items() if name in self._breakers]
        for breaker, wanted in living:
            breaker.replace_settings(wanted)

    def get(self, name: str, said: Mapping[str, object]) -> CircuitBreaker:
        with self._lock:
            breaker = self._breakers.get(name)
            if breaker is None:
                settings = self._decide(name, said).resolved()
                breaker = self._breakers[name] = CircuitBreaker(name)
                breaker.replace_settings(settings)
                self._said[name] = dict(said)
            elif said and self._said[name] and said != self._said[name] and name not in self._configured:
                problem = f"asked for with {said}, but made with {self._said[name]}"
                raise InvalidSettings(name, problem, "give the settings in one place, or the same in both")
            return breaker

    def _decide(self, name: str, said: Mapping[str, object]) -> Settings:
        configured = self._configured.get(name)
        if configured is None:
            return Settings.from_mapping(said, name)
        if said:
            _log.warning("circuit breaker %r: the configuration's settings win over the code's %s", name, dict(said))
        return configured


REGISTRY: Final = Registry()


def get_breaker(name: str, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """The breaker of a name: made at the first call, the same one ever after.

    Args:
        name: what telemetry calls it.
        **settings: see docs/configuration.md; those of a configuration file win.

    Raises:
        InvalidSettings: for settings that are not allowed, or that differ from those it was made with.
    """
    return REGISTRY.get(name, settings)


def breakers() -> list[CircuitBreaker]:
    """All living breakers, by name; for health endpoints."""
    return sorted(LIVING, key=lambda breaker: breaker.name)
