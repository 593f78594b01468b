"""One circuit per host, tenant or argument: the breakers of one name, bounded in number.

How the arguments of a call make its key is not known here; see key_template.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, cast

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker
from otel_breaker.locks import locked
from otel_breaker.overrides import replace_override
from otel_breaker.settings import Mode, identifiers
from otel_breaker.tracers import block_tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.overrides import StateOverride
    from otel_breaker.settings import Settings

_MOST_EXAMINED: Final = 16
"""How many circuits that are not idle a call examines to find room for its key.

Where all circuits are open, each call of a further key would otherwise examine all of them.
"""


class KeyedCircuit:
    """The circuit of one key, as guards use it, with its breaker."""

    __slots__ = ("breaker", "circuit", "was_used")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker
        self.circuit = breaker._circuit  # noqa: SLF001  # our own interface
        self.was_used = False
        """Whether a call has used it since it was last examined to make room."""


class KeyedBreaker:
    """The breakers of one name, one for each key, at most `max_keys` of them.

    When there is no room, a breaker makes room that is idle (closed, without a failure and with nothing in flight) and
    that no call has used for long. When none is idle, calls of further keys pass unguarded.

    A call of a known key takes no lock: it finds the circuit, and marks it as used. Circuits are examined in turn only
    when a further key needs room. One that was used since its last turn has another turn, so that an examination costs
    what the use of a circuit has saved.

    Args:
        name: the name that all its breakers share.
        settings: their settings, without unresolved references.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self._override: StateOverride | None = None
        self._circuits: OrderedDict[Hashable, KeyedCircuit] = OrderedDict()
        """In the order of their turns."""
        self.find: Callable[[Hashable], KeyedCircuit | None] = self._circuits.get
        """Finds the circuit of a key of at most 256 characters; None when it has none yet."""
        self._block_tracer = block_tracer(name)
        """Of all its breakers: each would make one of its own."""
        self._lock = threading.RLock()
        self._overflow_breaker: CircuitBreaker | None = None
        """Admits all calls of the keys that found no room."""

    def __len__(self) -> int:
        return len(self._circuits)

    def has(self, breaker: CircuitBreaker) -> bool:
        """Whether a breaker is the one of its key."""
        return any(each is breaker for each in self._all())

    def has_key(self, key: str) -> bool:
        """Whether a key has a breaker."""
        return identifiers.identity(key) in self._circuits

    def for_key(self, key: str) -> CircuitBreaker:
        """The breaker of a key, made when the key is first seen."""
        key = str.__str__(key)  # an object of a subclass may hold anything, and would be kept
        identity = identifiers.identity(key)
        known = self.find(identity)
        if known is not None:
            known.was_used = True
            return known.breaker
        breaker = None
        while breaker is None:
            settings = self.settings
            if self._make_room(identity) is None:
                return self._without_room()
            # Not under the lock: the first breaker of the process runs hooks of other libraries.
            made = CircuitBreaker._with_settings(self.name, settings, key)  # noqa: SLF001  # our own interface
            made._block_tracer = self._block_tracer  # noqa: SLF001  # as above
            breaker = self._keep(identity, KeyedCircuit(made))
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
        return [known.breaker for known in list(self._circuits.values())]

    @locked
    def _make_room(self, identity: Hashable) -> list[KeyedCircuit] | None:
        """Make room for a circuit.

        Returns:
            The circuits that were dropped, whose finalisers must run without the lock; None when there is no room.
        """
        dropped: list[KeyedCircuit] = []
        if identity in self._circuits:  # another thread has made it meanwhile
            return dropped
        second_turns, busy = len(self._circuits), 0  # other threads may mark circuits faster than this examines them
        while len(self._circuits) >= self.settings.max_keys:
            if busy == _MOST_EXAMINED:
                return None
            try:
                other = next(iter(self._circuits))
                self._circuits.move_to_end(other)
                known = self._circuits[other]
            except (KeyError, RuntimeError):  # a signal handler or a finaliser has just asked for a key
                continue
            if known.was_used and second_turns > 0:
                second_turns -= 1
                known.was_used = False
            # A circuit that an override has forced would be made again in the same state.
            elif known.breaker.is_idle or self._override is not None:
                dropped.append(known)
                self._circuits.pop(other, None)
            else:
                busy += 1
        return dropped

    @locked
    def _keep(self, identity: Hashable, made: KeyedCircuit) -> CircuitBreaker | None:
        """Keep a circuit unless its key has one by now; returns the key's, or None when the room for it is gone."""
        known = self._circuits.get(identity)
        if known is None and len(self._circuits) < self.settings.max_keys:
            known = self._circuits.setdefault(identity, made)  # a signal handler may just have asked for the same key
        return None if known is None else known.breaker

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
