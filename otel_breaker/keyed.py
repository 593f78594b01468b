"""One circuit per host, tenant or argument: breakers of one name, bounded in number, and the keys they go by."""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from string import Formatter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from otel_breaker import diagnostics
from otel_breaker.breaker import CircuitBreaker, call_site
from otel_breaker.errors import InvalidSettings
from otel_breaker.guard import guard_each, shape
from otel_breaker.orders import change
from otel_breaker.settings import Mode, Settings, labels

if TYPE_CHECKING:
    from collections.abc import Callable

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
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self._lock = threading.RLock()
        self._unguarded: CircuitBreaker | None = None

    def __len__(self) -> int:
        return len(self._breakers)

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
        return guarded if like is not None else shape(guarded, function, exact=self.settings.fallback is None)

    def _complain(self) -> None:
        if not self._complained:
            self._complained = True
            diagnostics.exception("no key of %r can be made for a call; told once", self.name)

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
