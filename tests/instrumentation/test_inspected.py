"""Tools that inspect a guarded function show what they showed before, for every kind of function."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from tests.instrumentation.applications import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    import functools
    import wrapt

    def counting(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            wrapper.calls += 1
            return function(*args, **kwargs)
        wrapper.calls = 0
        return wrapper

    @wrapt.decorator
    def foreign(wrapped, instance, args, kwargs): return wrapped(*args, **kwargs)

    def charge(order: int, amount: int = 1, *, currency: str = "EUR") -> str: return f"{order} {amount} {currency}"
    async def later(order, amount=1): return order
    def pages(query, number=2): yield from range(number)
    async def pages_later(query, number=2): yield query
    @functools.lru_cache
    def cached(order, amount=1): return order
    @counting
    def counted(order, amount=1): return order
    @foreign
    def wrapped(order, amount=1): return order
    alias = charge

    class Base:
        def inherited(self, order, amount=1): return order

    class Client(Base):
        def send(self, order, amount=1): return order
        @classmethod
        def make(cls, url, retries=3): return cls()
        @staticmethod
        def parse(text, strict=True): return text
        @functools.lru_cache
        def cached(self, order, amount=1): return order
        @foreign
        def wrapped(self, order, amount=1): return order
        def __call__(self, order, amount=1): return order

    client = Client()
"""
TARGETS = (
    *("charge", "later", "pages", "pages_later", "cached", "counted", "wrapped", "Client.inherited", "Client.send"),
    *("Client.make", "Client.parse", "Client.cached", "Client.wrapped", "client"),
)
NAMES = (
    *TARGETS,
    *("alias", "client.inherited", "client.send", "client.make", "client.parse", "client.cached", "client.wrapped"),
)


def by(name: str) -> Callable[[Any], object]:
    return lambda function: getattr(function, name, None)


def shown_code(function: Any) -> object:
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    number = code.co_argcount + code.co_kwonlyargcount
    return code.co_varnames[:number], code.co_argcount, code.co_name, code.co_firstlineno, code.co_flags & 0x2AC


def source_file(function: Any) -> object:
    return inspect.getsource(function), inspect.getsourcelines(function)[1]


ASKED: dict[str, Callable[[Any], object]] = {
    "getfullargspec": inspect.getfullargspec,
    "signature": inspect.signature,
    "signature of itself": lambda function: inspect.signature(function, follow_wrapped=False),
    "getcallargs": lambda function: {**inspect.getcallargs(function, 1, amount=2), "self": None},
    "__defaults__": by("__defaults__"),
    "__kwdefaults__": by("__kwdefaults__"),
    "__annotations__": by("__annotations__"),
    "__qualname__": by("__qualname__"),
    "__code__": shown_code,
    "source": source_file,
    "isfunction": inspect.isfunction,
    "ismethod": inspect.ismethod,
    "iscoroutinefunction": inspect.iscoroutinefunction,
    "isgeneratorfunction": inspect.isgeneratorfunction,
    "isasyncgenfunction": inspect.isasyncgenfunction,
    "attributes": lambda function: sorted(vars(function).keys() - {"__wrapped__"}),
}


def shown(ask: Callable[[Any], object], function: Any) -> str:
    try:
        return repr(ask(function))
    except Exception as error:
        return type(error).__name__


@pytest.fixture
def both(application: Application) -> tuple[ModuleType, ModuleType]:
    """The same module, unguarded and guarded."""
    unguarded = importlib.import_module(application.write(SHOP))
    return unguarded, application.load(SHOP, *TARGETS)


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_tools_show_the_same_of_a_guarded_function_as_before(
    both: tuple[ModuleType, ModuleType], ask: Callable[[Any], object]
) -> None:
    unguarded, guarded = both

    # Of a callable object, this one alone leaves out the object itself.
    names = [name for name in NAMES if name != "client" or ask is not inspect.getfullargspec]
    for name in names:
        assert shown(ask, evaluate(name, guarded)) == shown(ask, evaluate(name, unguarded)), name


def test_attributes_of_a_guarded_function_are_live(both: tuple[ModuleType, ModuleType]) -> None:
    _, shop = both

    shop.counted(1)
    shop.counted(1)
    assert shop.counted.calls == 2
    shop.counted.calls = 0
    shop.counted(1)
    assert shop.counted.calls == 1


def test_attributes_that_were_set_while_it_was_guarded_stay(application: Application) -> None:
    shop = application.load(SHOP, "charge")
    shop.charge.note = "mine"

    application.instrumentor.uninstrument()

    assert vars(shop.charge) == {"note": "mine"}


def test_a_fallback_leaves_nothing_on_the_function_after_uninstrument(application: Application) -> None:
    name = application.write(SHOP)
    application.instrumentor.instrument(targets=[{"function": f"{name}:charge", "fallback": "builtins:dict"}])
    shop = importlib.import_module(name)
    assert str(inspect.signature(shop.charge)) == str(inspect.signature(shop.alias))

    application.instrumentor.uninstrument()

    assert vars(shop.charge) == {}
