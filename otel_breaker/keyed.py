"""One circuit per host, tenant or argument: breakers of one name, bounded in number, and the keys they go by."""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from itertools import islice
from string import Formatter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, call_site
from otel_breaker.errors import InvalidSettings
from otel_breaker.guard import guard_each
from otel_breaker.locks import locked
from otel_breaker.orders import change
from otel_breaker.settings import Mode, Settings, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from otel_breaker.guard import Call
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
        self._complained = False
        self._breakers: OrderedDict[Hashable, CircuitBreaker] = OrderedDict()
        self._lock = threading.RLock()
        self._unguarded: CircuitBreaker | None = None

    def __len__(self) -> int:
        return len(self._breakers)

    def for_key(self, key: str) -> CircuitBreaker:
        """The breaker of a key: made when the key is first seen."""
        identity = labels.identity(key)
        breaker = self._breakers.get(identity)
        if breaker is not None:
            try:  # noqa: SIM105  # `suppress` takes longer than all the rest
                self._breakers.move_to_end(identity)
            except KeyError:  # it has just made way
                pass
            return breaker
        while breaker is None:
            settings = self.settings
            if self._make_room() is None:
                return self._overflow()
            # Not under the lock: it may be the first one of the process, which looks around.
            breaker = self._keep(identity, CircuitBreaker(self.name, key=key, ready=settings))
        if settings is not self.settings:
            breaker.replace_settings(self.settings)
        change(breaker, None, self._order)
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
        signature = inspect.signature(like or function)
        template.check(signature)
        site = call_site(self.name, function, name=name, patched=patched, handed=like is not None)

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
            try:
                if like is None:
                    key = template.render(signature, args, kwargs)
                else:
                    key = template.render(inspect.signature(args[0]), args[1:], kwargs)
            except Exception:
                # Arguments that fit no parameters, or that cannot be shown: guarded all the same, all together.
                key = ""
                self._complain()
            return self.for_key(key).begin(site)

        guarded = guard_each(function, begin, like)
        guarded.__dict__["__circuit_breaker__"] = self
        guarded.__dict__["__circuit_breaker_site__"] = site
        return guarded

    def _complain(self) -> None:
        if not self._complained:
            self._complained = True
            diagnostics.exception("no key of %r can be made for a call; told once", self.name)

    def replace_settings(self, settings: Settings) -> None:
        """Let all keys live by other settings; their state is kept."""
        self.settings = settings
        for breaker in self._living():
            breaker.replace_settings(settings)

    def obey(self, order: Order | None) -> None:
        """Let the circuits of all keys, those to come as well, obey an order, or none any longer."""
        before = self._exchange_order(order)
        for breaker in self._living():
            change(breaker, before, order)

    @locked
    def _exchange_order(self, order: Order | None) -> Order | None:
        before, self._order = self._order, order
        return before

    def start_afresh(self) -> None:
        """In a forked child: whoever held the lock is gone."""
        self._lock = threading.RLock()

    @locked
    def _living(self) -> list[CircuitBreaker]:
        return list(self._breakers.values())

    @locked
    def _make_room(self) -> list[CircuitBreaker] | None:
        """Make room for one more breaker; returns which made way, to be let go without the lock, or None."""
        gone: list[CircuitBreaker] = []
        for identity in self._longest_unused():
            if len(self._breakers) < self.settings.max_keys:
                break
            breaker = self._breakers.get(identity)
            # What an order has forced would be made again just so.
            if breaker is not None and (breaker.is_idle or self._order is not None):
                gone.append(breaker)
                self._breakers.pop(identity, None)
        if len(self._breakers) < self.settings.max_keys:
            return gone
        self.overflowed += 1
        return None

    def _longest_unused(self) -> Iterator[Hashable]:
        # Copies, each made at one stroke: a finaliser may ask for a key at any instruction. Mostly the first will do.
        yield from tuple(islice(self._breakers, 1))
        yield from tuple(self._breakers)

    @locked
    def _keep(self, identity: Hashable, made: CircuitBreaker) -> CircuitBreaker | None:
        """Keep a breaker, unless there is one of that key by now; None when the room for it is gone."""
        known = self._breakers.get(identity)
        if known is None and len(self._breakers) < self.settings.max_keys:
            known = self._breakers[identity] = made
        return known

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


class Template:
    """A breaker's name with fields that make the key: `"tenant {tenant_id}"`; fields are parameter names."""

    def __init__(self, text: str, path: str) -> None:
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise InvalidSettings(path, f"{text!r} is no template", str(error)) from None
        self.path = path
        first = next((index for index, (_, field, _, _) in enumerate(parts) if field is not None), len(parts) - 1)
        self.name = "".join(literal for literal, *_ in parts[: first + 1]).strip()
        self.fields = [field for _, field, _, _ in parts if field is not None]
        # The name is text of the template, too: what is rendered before the first field is taken off again.
        self._template, self._name_length = text, len("".join(literal for literal, *_ in parts[: first + 1]))
        if not self.name:
            raise InvalidSettings(path, f"{text!r} has no name", 'put text before the first field: "tenant {tenant}"')
        labels.name(self.name, path)

    def check(self, signature: inspect.Signature) -> None:
        """Refuse fields that a function has no parameter for.

        Raises:
            InvalidSettings: naming the field and the parameters there are.
        """
        known = list(signature.parameters)
        for field in self.fields:
            parameter = field.partition(".")[0].partition("[")[0]
            if parameter not in known:
                raise InvalidSettings(
                    self.path, f"there is no parameter {parameter!r}", f"known are {', '.join(known)}"
                )

    def render(self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The key of a call with these arguments."""
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._template.format(**bound.arguments)[self._name_length :]
