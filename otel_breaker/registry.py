"""Breakers by name: made once, kept alive, and listed."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, living
from otel_breaker.errors import InvalidSettings
from otel_breaker.forks import FORKS, ForkStage
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.locks import locked
from otel_breaker.overrides import StateOverride, replace_override
from otel_breaker.settings import Settings, identifiers, readers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from otel_breaker.settings import Keywords

_Said: TypeAlias = "tuple[Mapping[str, object], Settings]"


class Registry:
    """Breakers that were asked for by name, with and without a key.

    Making a breaker, comparing settings and changing those of a living one calls code that is not ours, so all that is
    done without the lock, and looked at again afterwards. Single steps on a dictionary need none.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._keyed: dict[str, KeyedBreaker] = {}
        self._said: dict[str, _Said] = {}
        self._configured: Mapping[str, Settings] = {}
        self._found: dict[str, Settings] = {}
        self._orders: Mapping[str, StateOverride] = {}

    def configure(self, settings: Mapping[str, Settings], orders: Mapping[str, StateOverride] | None = None) -> None:
        """Let an operator's settings and orders win over the code, for breakers made before and after.

        Args:
            settings: by name; a name that is not there any longer goes back to what the code said.
            orders: by name; what is not there any longer is taken back.
        """
        plain, keyed, before, ordered = self._exchange(settings, orders or {})
        living: list[CircuitBreaker | KeyedBreaker] = [*plain, *keyed]
        for each in living:
            if self._wanted(each.name) != before[each.name]:
                self._replace(each)
        for breaker in plain:
            replace_override(breaker, ordered.get(breaker.name), self._orders.get(breaker.name))
        for all_keys in keyed:
            all_keys.apply_override(self._orders.get(all_keys.name))

    @locked
    def _exchange(
        self, settings: Mapping[str, Settings], orders: Mapping[str, StateOverride]
    ) -> tuple[list[CircuitBreaker], list[KeyedBreaker], dict[str, Settings], Mapping[str, StateOverride]]:
        """Put others in force; returns who lives by them, and what they lived by and obeyed before."""
        plain, keyed, ordered = list(self._breakers.values()), list(self._keyed.values()), self._orders
        before = {name: self._wanted(name) for name in (*self._breakers, *self._keyed)}
        self._configured, self._orders = dict(settings), dict(orders)
        if not settings:
            self._found = {}
        return plain, keyed, before, ordered

    def configure_unless_named(self, name: str, settings: Settings) -> None:
        """Configure one more breaker, unless `configure` has; until that is given nothing at all."""
        if self._found.get(name) != settings:
            for breaker in self._find(name, settings):
                self._replace(breaker)

    @locked
    def _find(self, name: str, settings: Settings) -> list[CircuitBreaker | KeyedBreaker]:
        self._found[name] = settings
        if name in self._configured:
            return []
        # A keyed one without a key is falsy.
        return [each for each in (self._breakers.get(name), self._keyed.get(name)) if each is not None]

    def check(self, settings: Mapping[str, Settings]) -> None:
        """Find out whether the living breakers could be configured so.

        Raises:
            InvalidSettings: when one of them could not, because code that its settings name cannot be had.
        """
        for name in self.names() & settings.keys():
            settings[name].resolved()

    @locked
    def names(self) -> set[str]:
        """Of all breakers that were asked for."""
        return {*self._breakers, *self._keyed}

    def get(self, name: str, said: Mapping[str, object]) -> CircuitBreaker:
        """The breaker of a name, without a key."""
        news = self._hear(name, said)
        breaker = self._breakers.get(name)
        if breaker is not None and not news:
            return breaker
        if breaker is None:
            # Somebody else may have made it in the meantime, a handler of a signal among them: then theirs stays.
            made = CircuitBreaker(name, ready=self._wanted(name).resolved())
            breaker = self._breakers.setdefault(name, made)
        self._let_live(breaker)
        replace_override(breaker, None, self._orders.get(name))
        return breaker

    def get_keyed(self, name: str, said: Mapping[str, object]) -> KeyedBreaker:
        """All breakers of a name that go by a key."""
        news = self._hear(name, said)
        keyed = self._keyed.get(name)
        if keyed is not None and not news:
            return keyed
        if keyed is None:  # one without a breaker is falsy
            keyed = self._keyed.setdefault(name, KeyedBreaker(name, self._wanted(name).resolved()))
        self._let_live(keyed)
        keyed.apply_override(self._orders.get(name))
        return keyed

    def override(self, name: str, order: StateOverride | None) -> StateOverride | None:
        """Let the circuits of a name, those to come as well, obey an order, or none any longer.

        Returns:
            The order before it.
        """
        before = self._replace_override(name, order)
        plain, keyed = self._breakers.get(name), self._keyed.get(name)
        if plain is not None:
            replace_override(plain, before, order)
        if keyed is not None:
            keyed.apply_override(order)
        return before

    @locked
    def _replace_override(self, name: str, order: StateOverride | None) -> StateOverride | None:
        others = {other: kept for other, kept in self._orders.items() if other != name}
        before = self._orders.get(name)
        self._orders = others if order is None else {**others, name: order}
        return before

    def after_fork(self) -> None:
        """In a forked child: whoever held a lock is gone."""
        self._lock = threading.RLock()
        for keyed in self._keyed.values():
            keyed.after_fork()

    def keywords_of(self, breaker: CircuitBreaker | KeyedBreaker) -> Mapping[str, object] | None:
        """What code has said of a breaker that was asked for by name; None of any other."""
        name = breaker.name
        is_known = self._breakers.get(name) is breaker or self._keyed.get(name) is breaker
        if not is_known and isinstance(breaker, CircuitBreaker) and breaker.key is not None:
            keyed = self._keyed.get(name)
            is_known = keyed is not None and keyed.has(breaker)
        return self._said[name][0] if is_known else None

    def let_go(self) -> None:
        """At the end of the program: what settings name as code shall be finalised while its module is whole."""
        self._breakers, self._keyed, self._said = {}, {}, {}

    def forget_settings(self) -> None:
        """Let code say of each name anew what its settings are; for tests."""
        self._said = {name: ({}, settings) for name, (_, settings) in list(self._said.items())}

    def _let_live(self, breaker: CircuitBreaker | KeyedBreaker) -> None:
        """Let a breaker live by what is wanted of its name, also where that changes in the meantime."""
        wanted = None
        while wanted is not self._wanted(breaker.name):
            wanted = self._wanted(breaker.name)
            breaker.replace_settings(wanted.resolved())  # imports modules, which may ask for breakers

    def _wanted(self, name: str) -> Settings:
        return self._configured.get(name) or self._found.get(name) or self._said[name][1]

    def _is_configured(self, name: str) -> bool:
        return name in self._configured or name in self._found

    def _replace(self, breaker: CircuitBreaker | KeyedBreaker) -> None:
        said, _ = self._said[breaker.name]
        if said and self._is_configured(breaker.name):
            diagnostics.warning(_OVERRULED, breaker.name, readers.said(said))
        try:
            self._let_live(breaker)
        except InvalidSettings as error:
            diagnostics.error("circuit breaker %r keeps its settings: %s", breaker.name, error)  # says it all

    def _hear(self, name: str, said: Mapping[str, object]) -> bool:
        """Take in what code says of a name; False when that is nothing new. It may be said in one place only."""
        while True:
            known = self._said.get(name)
            if known is not None and (not said or said == known[0]):
                return False
            settings, is_configured = Settings.from_mapping(said, name), self._is_configured(name)
            if known is not None and known[0] and not is_configured:
                if settings == known[1]:
                    return False
                problem = f"asked for with {readers.said(said)}, but made with {readers.said(known[0])}"
                raise InvalidSettings(name, problem, "give the settings in one place, or the same in both")
            if self._keep_said(name, known, (dict(said), settings)):
                break
        if said and is_configured:
            diagnostics.warning(_OVERRULED, name, readers.said(said))
        return True

    @locked
    def _keep_said(self, name: str, known: _Said | None, said: _Said) -> bool:
        """Keep what code says of a name; False when somebody else has said something in the meantime."""
        if self._said.get(name) is not known:
            return False
        self._said[name] = said
        return True


_OVERRULED: Final = "circuit breaker %r: its configured settings win over the code's %s"
REGISTRY: Final = Registry()
atexit.register(REGISTRY.let_go)
FORKS.register(ForkStage.LOCKS, REGISTRY.after_fork)


def get_breaker(name: str, *, key: str | None = None, **settings: Unpack[Keywords]) -> CircuitBreaker:
    """The breaker of a name: made at the first call, the same one ever after.

    Args:
        name: what telemetry calls it: a line of at most 256 characters.
        key: one circuit of several that share name and settings, such as one per host or tenant; at most
            `max_keys` of them are kept. Telemetry, errors and snapshots show what of it is known to be safe, at most
            256 characters; in place of the rest, such as a URL's user or query, stands a short digest.
        **settings: see docs/configuration.md; those of a configuration file win.

    Raises:
        InvalidSettings: for a name or settings that are not allowed, or that differ from those it was made with.
    """
    name = identifiers.name(name, "name")
    return REGISTRY.get(name, settings) if key is None else REGISTRY.get_keyed(name, settings).for_key(key)


def breakers() -> list[CircuitBreaker]:
    """All living breakers, by name and key; for health endpoints."""
    return sorted(living(), key=lambda breaker: (breaker.name, breaker.key or ""))
