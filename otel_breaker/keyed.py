"""One circuit per host, tenant or argument: breakers of one name, bounded in number, and the keys they go by."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, call_site
from otel_breaker.circuit import Circuit, Listeners
from otel_breaker.guard import Call, guard_each, shape
from otel_breaker.key_template import Bound, NoKeyError
from otel_breaker.orders import change
from otel_breaker.settings import Mode, Settings, labels
from otel_breaker.telemetry.traces import code_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.key_template import Template
    from otel_breaker.orders import Order

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
        self._order: Order | None = None
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self._lock = threading.RLock()
        self._unguarded: CircuitBreaker | None = None
        # Lets calls pass that have no key; it is neither listed nor told.
        self._aside = Circuit(name, None, Settings(mode=Mode.OFF).resolved(), Listeners(), None)

    def __len__(self) -> int:
        return len(self._breakers)

    def has(self, breaker: CircuitBreaker) -> bool:
        """Whether it is the one of its key."""
        return breaker.key is not None and self._breakers.get(breaker.key) is breaker

    def for_key(self, key: str) -> CircuitBreaker:
        """The breaker of a key: made when the key is first seen."""
        key = labels.clean(key)
        with self._lock:
            breaker = self._breakers.get(key)
            if breaker is not None:
                self._breakers.move_to_end(key)
                return breaker
            while len(self._breakers) >= self.settings.max_keys:
                if not self._make_room():
                    return self._overflow()
            breaker = self._breakers[key] = CircuitBreaker(self.name, key=key, ready=self.settings)
            order = self._order
        change(breaker, None, order)  # not under the lock: listeners are told
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
        return make() if like is not None else shape(make(), function, exact=exact, made_by=make)

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
        site = call_site(self.name, function, name=name, patched=patched, handed=like is not None)
        complained = False

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
            nonlocal complained
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
                return Call(self._aside, site)
            if key not in self._breakers and site.stands_aside():
                return Call(self._aside, site)  # telemetry's own, which shall leave no circuit behind
            return self.for_key(key).begin(site)

        guarded = guard_each(function, begin, like)
        guarded.__dict__["__circuit_breaker__"] = self
        guarded.__dict__["__circuit_breaker_site__"] = site
        return guarded

    def replace_settings(self, settings: Settings) -> None:
        """Let all keys live by other settings; their state is kept."""
        with self._lock:
            self.settings = settings
            for breaker in self._breakers.values():
                breaker.replace_settings(settings)

    def obey(self, order: Order | None) -> None:
        """Let the circuits of all keys, those to come as well, obey an order, or none any longer."""
        with self._lock:
            before, self._order = self._order, order
            living = list(self._breakers.values())
        for breaker in living:
            change(breaker, before, order)

    def start_afresh(self) -> None:
        """In a forked child: whoever held the lock is gone."""
        self._lock = threading.RLock()

    def _make_room(self) -> bool:
        for key, breaker in self._breakers.items():
            # What an order has forced would be made again just so.
            if breaker.is_idle or self._order is not None:
                del self._breakers[key]
                return True
        return False

    def _overflow(self) -> CircuitBreaker:
        self.overflowed += 1
        if self._unguarded is None:
            diagnostics.warning(
                "circuit breaker %r has max_keys=%d circuits, none of them idle: further keys pass unguarded",
                self.name,
                self.settings.max_keys,
            )
            self._unguarded = CircuitBreaker(self.name, mode=Mode.OFF)
        return self._unguarded
