"""One circuit per host, tenant or argument: breakers of one name, bounded in number, and the keys they go by."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from sys import is_finalizing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, call_tracer
from otel_breaker.circuit import Circuit, Listeners
from otel_breaker.guard import Call, guard_each, preserve_signature
from otel_breaker.key_template import Bound, NoKeyError
from otel_breaker.locks import locked
from otel_breaker.overrides import replace_override
from otel_breaker.settings import Mode, Settings, identifiers
from otel_breaker.telemetry.traces import code_name

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_breaker.key_template import Template
    from otel_breaker.overrides import StateOverride

P = ParamSpec("P")
R = TypeVar("R")


class KeyedBreaker:
    """The breakers of one name, one for each key, at most `max_keys` of them.

    When there is no room, the one that was longest not asked for and is idle, closed without a failure and with
    nothing in flight, makes way. When none is idle, further keys pass unguarded.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.overflowed = 0
        """How often a key found no room."""
        self._order: StateOverride | None = None
        self._breakers: OrderedDict[Hashable, CircuitBreaker] = OrderedDict()
        self._lock = threading.RLock()
        self._unguarded: CircuitBreaker | None = None
        # Lets calls pass that have no key; it is neither listed nor told.
        self._aside = Circuit(name, None, Settings(mode=Mode.OFF).resolved(), Listeners(), None)

    def __len__(self) -> int:
        return len(self._breakers)

    def has(self, breaker: CircuitBreaker) -> bool:
        """Whether it is the one of its key."""
        return any(each is breaker for each in self._living())

    def for_key(self, key: str) -> CircuitBreaker:
        """The breaker of a key: made when the key is first seen."""
        identity = identifiers.identity(key)
        breaker = self._breakers.get(identity)
        if breaker is not None:
            try:  # noqa: SIM105  # `suppress` takes longer than all the rest
                self._breakers.move_to_end(identity)
            except KeyError:  # it has just made way
                pass
            return breaker
        while breaker is None:
            settings = self.settings
            if self._make_room(identity) is None:
                return self._overflow()
            # Not under the lock: it may be the first one of the process, which looks around.
            breaker = self._keep(identity, CircuitBreaker(self.name, key=key, ready=settings))
        if settings is not self.settings:
            breaker.replace_settings(self.settings)
        replace_override(breaker, None, self._order)
        return breaker

    def wrap(
        self,
        function: Callable[P, R],
        template: Template,
        *,
        like: Callable[..., Any] | None = None,
        name: str | None = None,
        patched: bool = False,
    ) -> Callable[P, R]:
        """Guard a callable, each call by the breaker of the key that its arguments make.

        Args:
            function: what to guard.
            template: says how they make it.
            like: when *function* only calls what it is handed as its first argument: something like that.
            name: see `CircuitBreaker.wrap`.
            patched: see `CircuitBreaker.wrap`.

        Raises:
            TypeError: when a call of it cannot be guarded.
            InvalidSettings: when it has no such parameters.
        """
        make = partial(self._wrap, function, template, like, name, patched=patched)
        exact = self.settings.fallback is None
        return make() if like is not None else preserve_signature(make(), function, exact=exact, made_by=make)

    def _wrap(
        self,
        function: Callable[P, R],
        template: Template,
        like: Callable[..., Any] | None,
        name: str | None,
        *,
        patched: bool,
    ) -> Callable[P, R]:
        signature = template.check(like or function)
        site = call_tracer(self.name, function, name=name, patched=patched, trampoline=like is not None)
        complained = False

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
            nonlocal complained
            if is_finalizing():  # no breaker can be made any more
                return Call.begin(self._aside, site)
            if like is not None:
                handed, *rest = args
                args = (handed.instance, *rest) if type(handed) is Bound else tuple(rest)
            try:
                key = template.render(signature, args, kwargs)
            except NoKeyError as reason:
                # All together they would be refused because one of them is down.
                if not complained:
                    complained = True
                    diagnostics.error(
                        "calls of %s pass unguarded by %r: no key can be made: %s; told once",
                        name or code_name(like or function),
                        self.name,
                        reason,
                    )
                return Call.begin(self._aside, site)
            if identifiers.identity(key) not in self._breakers and site.passes_through():
                return Call.begin(self._aside, site)  # telemetry's own, which shall leave no circuit behind
            return self.for_key(key).begin(site)

        guarded = guard_each(function, begin, like)
        guarded.__dict__["__circuit_breaker__"] = self
        guarded.__dict__["__circuit_breaker_site__"] = site
        return guarded

    def replace_settings(self, settings: Settings) -> None:
        """Let all keys live by other settings; their state is kept."""
        self.settings = settings
        for breaker in self._living():
            breaker.replace_settings(settings)

    def apply_override(self, order: StateOverride | None) -> None:
        """Let the circuits of all keys, those to come as well, obey an order, or none any longer."""
        before = self._replace_override(order)
        for breaker in self._living():
            replace_override(breaker, before, order)

    @locked
    def _replace_override(self, order: StateOverride | None) -> StateOverride | None:
        before, self._order = self._order, order
        return before

    def after_fork(self) -> None:
        """In a forked child: whoever held the lock is gone."""
        self._lock = threading.RLock()

    @locked
    def _living(self) -> list[CircuitBreaker]:
        return list(self._breakers.values())

    @locked
    def _make_room(self, identity: Hashable) -> list[CircuitBreaker] | None:
        """Make room for a breaker; returns which made way, to be let go without the lock, or None."""
        gone: list[CircuitBreaker] = []
        if identity in self._breakers:  # somebody else has made it meanwhile
            return gone
        for other in tuple(self._breakers):  # at one stroke: a finaliser may ask for a key at any call
            if len(self._breakers) < self.settings.max_keys:
                return gone
            breaker = self._breakers.get(other)
            # What an order has forced would be made again just so.
            if breaker is not None and (breaker.is_idle or self._order is not None):
                gone.append(breaker)
                self._breakers.pop(other, None)
        if len(self._breakers) < self.settings.max_keys:
            return gone
        self.overflowed += 1
        return None

    @locked
    def _keep(self, identity: Hashable, made: CircuitBreaker) -> CircuitBreaker | None:
        """Keep a breaker, unless there is one of that key by now; None when the room for it is gone."""
        known = self._breakers.get(identity)
        if known is not None or len(self._breakers) >= self.settings.max_keys:
            return known
        return self._breakers.setdefault(identity, made)  # a signal handler may just have asked for the same key

    def _overflow(self) -> CircuitBreaker:
        if self._unguarded is None and self._stand_in(CircuitBreaker(self.name, mode=Mode.OFF)):
            diagnostics.warning(
                "circuit breaker %r has max_keys=%d circuits, none of them idle: further keys pass unguarded",
                self.name,
                self.settings.max_keys,
            )
        return cast("CircuitBreaker", self._unguarded)

    @locked
    def _stand_in(self, made: CircuitBreaker) -> bool:
        is_first = self._unguarded is None
        if is_first:
            self._unguarded = made
        return is_first
