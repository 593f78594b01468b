"""One circuit per host, tenant or argument: the breakers of one name, bounded in number.

How the arguments of a call make its key is not known here; see key_template.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, cast

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker
from otel_breaker.locks import locked
from otel_breaker.overrides import replace_override
from otel_breaker.settings import Mode, Settings, identifiers

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otel_breaker.overrides import StateOverride


class KeyedBreaker:
    """The breakers of one name, one for each key, at most `max_keys` of them.

    When there is no room, the least recently used breaker that is idle (closed, without a failure and with nothing in
    flight) makes room. When none is idle, calls of further keys pass unguarded.

    Args:
        name: the name that all its breakers share.
        settings: their settings, without unresolved references.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self._override: StateOverride | None = None
        self._breakers: OrderedDict[Hashable, CircuitBreaker] = OrderedDict()
        self._lock = threading.RLock()
        self._overflow_breaker: CircuitBreaker | None = None
        """Admits all calls of the keys that found no room."""

    def __len__(self) -> int:
        return len(self._breakers)

    def has(self, breaker: CircuitBreaker) -> bool:
        """Whether a breaker is the one of its key."""
        return any(each is breaker for each in self._all())

    def has_key(self, key: str) -> bool:
        """Whether a key has a breaker."""
        return identifiers.identity(key) in self._breakers

    def for_key(self, key: str) -> CircuitBreaker:
        """The breaker of a key, made when the key is first seen."""
        identity = identifiers.identity(key)
        breaker = self._breakers.get(identity)
        if breaker is not None:
            try:  # noqa: SIM105  # `suppress` takes longer than all the rest
                self._breakers.move_to_end(identity)
            except KeyError:  # another thread has just dropped it to make room
                pass
            return breaker
        while breaker is None:
            settings = self.settings
            if self._make_room(identity) is None:
                return self._without_room()
            # Not under the lock: the first breaker of the process runs hooks of other libraries.
            made = CircuitBreaker._with_settings(self.name, settings, key)  # noqa: SLF001  # our own interface
            breaker = self._keep(identity, made)
        if settings is not self.settings:
            breaker._replace_settings(self.settings)  # noqa: SLF001  # our own interface
        replace_override(breaker, None, self._override)
        return breaker

    def _replace_settings(self, settings: Settings) -> None:
        """Apply other settings to all keys; their state is kept."""
        self.settings = settings
        for breaker in self._all():
            breaker._replace_settings(settings)  # noqa: SLF001  # our own interface

    def apply_override(self, override: StateOverride | None) -> None:
        """Apply an override, or none, to the circuits of all keys, those of later keys included."""
        before = self._replace_override(override)
        for breaker in self._all():
            replace_override(breaker, before, override)

    def after_fork(self) -> None:
        """Replace the lock in a forked child: the thread that held it does not exist there."""
        self._lock = threading.RLock()

    @locked
    def _replace_override(self, override: StateOverride | None) -> StateOverride | None:
        before, self._override = self._override, override
        return before

    @locked
    def _all(self) -> list[CircuitBreaker]:
        return list(self._breakers.values())

    @locked
    def _make_room(self, identity: Hashable) -> list[CircuitBreaker] | None:
        """Make room for a breaker.

        Returns:
            The breakers that were dropped, whose finalisers must run without the lock; None when there is no room.
        """
        dropped: list[CircuitBreaker] = []
        if identity in self._breakers:  # another thread has made it meanwhile
            return dropped
        for other in tuple(self._breakers):  # copied in one step: a finaliser may ask for a key at any call
            if len(self._breakers) < self.settings.max_keys:
                return dropped
            breaker = self._breakers.get(other)
            # A circuit that an override has forced would be made again in the same state.
            if breaker is not None and (breaker.is_idle or self._override is not None):
                dropped.append(breaker)
                self._breakers.pop(other, None)
        return dropped if len(self._breakers) < self.settings.max_keys else None

    @locked
    def _keep(self, identity: Hashable, made: CircuitBreaker) -> CircuitBreaker | None:
        """Keep a breaker unless its key has one by now; returns the key's, or None when the room for it is gone."""
        known = self._breakers.get(identity)
        if known is not None or len(self._breakers) >= self.settings.max_keys:
            return known
        return self._breakers.setdefault(identity, made)  # a signal handler may just have asked for the same key

    def _without_room(self) -> CircuitBreaker:
        if self._overflow_breaker is None and self._keep_overflow_breaker(CircuitBreaker(self.name, mode=Mode.OFF)):
            diagnostics.warning(
                "circuit breaker %r has max_keys=%d circuits, none of them idle: further keys pass unguarded",
                self.name,
                self.settings.max_keys,
            )
        return cast("CircuitBreaker", self._overflow_breaker)

    @locked
    def _keep_overflow_breaker(self, made: CircuitBreaker) -> bool:
        is_first = self._overflow_breaker is None
        if is_first:
            self._overflow_breaker = made
        return is_first
