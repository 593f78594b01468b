"""Breakers by name: made once, kept alive, and listed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, living
from otel_breaker.errors import InvalidSettings
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.orders import Order, change
from otel_breaker.settings import Settings, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Unpack

    from otel_breaker.settings import Keywords

B = TypeVar("B", CircuitBreaker, KeyedBreaker)


class Registry:
    """Breakers that were asked for by name, with and without a key."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._keyed: dict[str, KeyedBreaker] = {}
        self._said: dict[str, tuple[Mapping[str, object], Settings]] = {}
        self._configured: Mapping[str, Settings] = {}
        self._found: dict[str, Settings] = {}
        self._orders: Mapping[str, Order] = {}

    def configure(self, settings: Mapping[str, Settings], orders: Mapping[str, Order] | None = None) -> None:
        """Let an operator's settings and orders win over the code, for breakers made before and after.

        Args:
            settings: by name; a name that is not there any longer goes back to what the code said.
            orders: by name; what is not there any longer is taken back.
        """
        with self._lock:
            plain, keyed = list(self._breakers.values()), list(self._keyed.values())
            living: list[CircuitBreaker | KeyedBreaker] = [*plain, *keyed]
            before = [self._wanted(breaker.name) for breaker in living]
            self._configured, ordered, self._orders = dict(settings), self._orders, dict(orders or {})
            if not settings:
                self._found = {}
            changed = [each for each, old in zip(living, before, strict=True) if self._wanted(each.name) != old]
        for each in changed:
            self._replace(each)
        for breaker in plain:
            change(breaker, ordered.get(breaker.name), self._orders.get(breaker.name))
        for all_keys in keyed:
            all_keys.obey(self._orders.get(all_keys.name))

    def configure_unless_named(self, name: str, settings: Settings) -> None:
        """Configure one more breaker, unless `configure` has; until that is given nothing at all."""
        with self._lock:
            if self._found.get(name) == settings:
                return
            self._found[name] = settings
            living = [] if name in self._configured else [self._breakers.get(name), self._keyed.get(name)]
        for breaker in living:
            if breaker is not None:  # a keyed one without a key is falsy
                self._replace(breaker)

    def check(self, settings: Mapping[str, Settings]) -> None:
        """Find out whether the living breakers could be configured so.

        Raises:
            InvalidSettings: when one of them could not, because code that its settings name cannot be had.
        """
        with self._lock:
            names = {*self._breakers, *self._keyed}
        for name in names & settings.keys():
            settings[name].resolved()

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

        breaker = self._with_settings(name, keep)
        change(breaker, None, self._orders.get(name))  # not under the lock: listeners are told
        return breaker

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

        keyed = self._with_settings(name, keep)
        keyed.obey(self._orders.get(name))
        return keyed

    def order(self, name: str, order: Order | None) -> Order | None:
        """Let the circuits of a name, those to come as well, obey an order, or none any longer.

        Returns:
            The order before it.
        """
        with self._lock:
            before = self._orders.get(name)
            others = {other: kept for other, kept in self._orders.items() if other != name}
            self._orders = others if order is None else {**others, name: order}
            plain, keyed = self._breakers.get(name), self._keyed.get(name)
        if plain is not None:
            change(plain, before, order)
        if keyed is not None:
            keyed.obey(order)
        return before

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
        return self._configured.get(name) or self._found.get(name) or self._said[name][1]

    def _is_configured(self, name: str) -> bool:
        return name in self._configured or name in self._found

    def _replace(self, breaker: CircuitBreaker | KeyedBreaker) -> None:
        said, _ = self._said[breaker.name]
        if said and self._is_configured(breaker.name):
            diagnostics.warning(_OVERRULED, breaker.name, dict(said))
        try:
            breaker.replace_settings(self._wanted(breaker.name).resolved())
        except InvalidSettings as error:
            diagnostics.error("circuit breaker %r keeps its settings: %s", breaker.name, error)  # says it all

    def _hear(self, name: str, said: Mapping[str, object]) -> bool:
        """Take in what code says of a name; False when that is nothing new. It may be said in one place only."""
        known = self._said.get(name)
        if known is not None and (not said or said == known[0]):
            return False
        settings = Settings.from_mapping(said, name)
        if self._is_configured(name):
            if said:
                diagnostics.warning(_OVERRULED, name, dict(said))
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
        name: what telemetry calls it: a line of at most 256 characters.
        key: one circuit of several that share name and settings, such as one per host or tenant; at most
            `max_keys` of them are kept. Telemetry shows it; cut to 256 characters, and without the user and the
            query of a URL.
        **settings: see docs/configuration.md; those of a configuration file win.

    Raises:
        InvalidSettings: for a name or settings that are not allowed, or that differ from those it was made with.
    """
    name = labels.name(name, "name")
    return REGISTRY.get(name, settings) if key is None else REGISTRY.get_keyed(name, settings).for_key(key)


def breakers() -> list[CircuitBreaker]:
    """All living breakers, by name and key; for health endpoints."""
    return sorted(living(), key=lambda breaker: (breaker.name, breaker.key or ""))
