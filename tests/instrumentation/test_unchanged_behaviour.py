"""A module whose functions are all guarded behaves as it did, in everything that Python and its tools do with it."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation.targets.report import Status
from otel_breaker_instrumentation.targets.reporter import TARGET_REPORTER
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.applications import Application

SHOP = '''
    from __future__ import annotations

    import abc
    import collections
    import copy
    import dataclasses
    import enum
    import functools
    import inspect
    import pickle
    import typing
    import weakref
    from datetime import date

    import wrapt

    REGISTRY = {}

    def task(function):
        "Registers by name, as Celery and others do."
        REGISTRY[function.__module__ + "." + function.__name__] = function
        return function

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    def charge(amount: int, *, on: date | None = None) -> tuple[int, date | None]:
        """Charges.

        >>> charge(3)
        (3, None)
        """
        return amount, on

    @task
    def later(amount): return amount

    @logged
    @logged
    def audited(amount: int) -> int: return amount

    @functools.lru_cache(maxsize=2)
    def cached(amount): return amount

    @functools.singledispatch
    def shown(value): return "object"

    @shown.register
    def shown_int(value: int): return "int"

    class Shop(abc.ABC):
        def open(self): return ["base"]
        @abc.abstractmethod
        def price(self): return 1
        @classmethod
        def named(cls): return cls.__name__
        def __init_subclass__(cls): super().__init_subclass__()

    class Kiosk(Shop):
        def open(self): return [*super().open(), "kiosk"]
        def price(self): return super().price() + 1
        @classmethod
        def named(cls): return super().named() + "!"

    class Broken(Shop): pass

    @dataclasses.dataclass(frozen=True, order=True)
    class Order:
        amount: int
        def total(self) -> int: return self.amount * 2
        @classmethod
        def of(cls, amount): return cls(amount)

    class Pair(typing.NamedTuple):
        left: int
        right: int = 2
        def sum(self): return self.left + self.right

    class Slotted:
        __slots__ = ("amount", "__weakref__")
        def __init__(self, amount): self.amount = amount
        def get(self): return self.amount

    class Colour(enum.Enum):
        RED = 1
        def lower(self): return self.name.lower()
        @classmethod
        def default(cls): return cls.RED

    @typing.runtime_checkable
    class Chargeable(typing.Protocol):
        def charge(self) -> int: ...

    class Card:
        def charge(self) -> int: return 1
        def __eq__(self, other): return type(other) is Card
        __hash__ = None
        def chained(self): return self
        @functools.cached_property
        def number(self): return 4
        @property
        def owner(self): return "me"
        @staticmethod
        def static(): return "static"
        def __enter__(self): return self
        def __exit__(self, *_): return False

    class Meta(type):
        def __getattr__(cls, name):
            if name.startswith("made_"): return name
            raise AttributeError(name)

    class Made(metaclass=Meta):
        def real(self): return "real"

    class Generic(typing.Generic[typing.TypeVar("T")]):
        def get(self): return "generic"

    @wrapt.decorator
    def foreign(wrapped, instance, args, kwargs): return wrapped(*args, **kwargs)

    class Foreign:
        @foreign
        def charge(self, amount): return amount
        @foreign
        @classmethod
        def make(cls): return cls.__name__
        append = list.append

    class Basket(list):
        pass

    card = Card()

    def raised(function, *args):
        try:
            function(*args)
        except Exception as error:
            return type(error).__name__, str(error)
'''

EXPRESSIONS = [
    "charge(3, on=None)",
    "raised(charge)",
    "raised(charge, 1, 2, 3)",
    "raised(Card.charge)",
    "inspect.signature(charge)",
    "inspect.getfullargspec(audited)",
    "typing.get_type_hints(charge)['return']",  # of a wrapper, Python 3.10 reads a default of None differently
    "typing.get_type_hints(audited)",
    "typing.get_type_hints(Order.total)",
    "inspect.getsource(charge)",
    "inspect.getdoc(charge)",
    "(charge.__name__, charge.__qualname__, charge.__doc__, charge.__annotations__)",
    "inspect.isfunction(charge), inspect.ismethod(card.charge), inspect.isroutine(Card.static)",
    "inspect.unwrap(audited)(3)",
    "audited.__wrapped__.__wrapped__(3)",
    "pickle.loads(pickle.dumps(charge))(3)",
    "pickle.loads(pickle.dumps(card.charge))()",
    "pickle.loads(pickle.dumps(Kiosk.named))()",
    "pickle.loads(pickle.dumps(Card.static))()",
    "pickle.loads(pickle.dumps(Order.of))(3)",
    "pickle.loads(pickle.dumps(Colour.RED.lower))()",
    "pickle.loads(pickle.dumps(cached))(3)",
    "copy.deepcopy(charge) is charge",
    "copy.deepcopy({'call': charge})['call'] is charge",
    "copy.copy(card).charge()",
    "weakref.ref(charge)() is charge",
    "REGISTRY[later.__module__ + '.later'](3)",
    "sorted(name.rpartition('.')[2] for name in REGISTRY)",
    "functools.partial(charge, 3)()",
    "list(map(audited, [1, 2]))",
    "[cached(1), cached(1), cached.cache_info().hits >= 0, cached.cache_parameters()]",
    "[shown(1), shown('a'), shown.dispatch(int) is not None]",
    "Kiosk().open()",
    "Kiosk().price()",
    "Kiosk.named()",
    "raised(Shop)",
    "raised(Broken)",
    "Shop.price.__isabstractmethod__",
    "type('Late', (Shop,), {'price': lambda self: 5})().price()",
    "raised(type('Later', (Shop,), {}))",
    "Order.of(3).total()",
    "(Order(1) < Order(2), hash(Order(1)) == hash(Order(1)), dataclasses.asdict(Order(1)), repr(Order(3)))",
    "dataclasses.replace(Order(1), amount=4).total()",
    "Pair(1).sum()",
    "Pair(1)._replace(right=5).sum()",
    "Slotted(3).get()",
    "raised(setattr, Slotted(3), 'other', 1)",
    "(Colour.RED.lower(), Colour.default(), list(Colour), Colour['RED'], [*Colour.__members__])",
    "isinstance(card, Chargeable), isinstance(3, Chargeable), issubclass(Card, Chargeable)",
    "(card == Card(), card.chained() is card, card.number, card.owner)",
    "[entered.charge() for entered in [card.__enter__()]]",
    "card.charge == card.charge, card.charge.__self__ is card, card.charge.__func__ is Card.charge",
    "hash(Card.charge) == hash(vars(Card)['charge'])",
    "{Card.charge: 1}[Card.charge]",
    "(Made().real(), Made.made_up, raised(getattr, Made, 'other'))",
    "(Generic[int]().get(), Generic.get.__qualname__)",
    "(Foreign().charge(3), Foreign.make(), Foreign().charge.__name__)",
    "raised(lambda: Foreign().append)",
    "sorted(dir(Card)) == sorted({*dir(Card)})",
    "[name for name, _ in inspect.getmembers(Card, inspect.isfunction)]",
    "[attribute.kind for attribute in inspect.classify_class_attrs(Card) if attribute.defining_class is Card]",
    "type(vars(Card)['static']).__name__, type(vars(Shop)['named']).__name__",
    "inspect.getattr_static(Order, 'of').__class__.__name__",
    "type('Sub', (Card,), {'charge': lambda self: super(Sub, self).charge() + 1}) and 1",
    "inspect.getmodule(charge).__name__ == charge.__module__",
    "inspect.iscoroutinefunction(charge)",
]


def neutral(value: object, name: str) -> str:
    return repr(value).replace(name, "shop")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_what_it_was(application: Application, expression: str) -> None:
    unguarded, guarded = (
        importlib.import_module(application.write(SHOP)),
        importlib.import_module(application.write(SHOP)),
    )

    application.guard(f"{guarded.__name__}:*", f"{guarded.__name__}:*.*")

    expected = neutral(evaluate(expression, unguarded), unguarded.__name__)
    assert neutral(evaluate(expression, guarded), guarded.__name__) == expected
    assert set(TARGET_REPORTER.count()) == {Status.GUARDED}


def test_a_method_of_a_class_that_is_made_later_calls_what_it_overrides(application: Application) -> None:
    shop = application.load(SHOP, "Kiosk.open", "Shop.open")

    class Late(shop.Kiosk):  # type: ignore[name-defined,misc]
        def open(self) -> list[str]:
            return [*super().open(), "late"]

    assert Late().open() == ["base", "kiosk", "late"]
    assert calls(shop, "Kiosk.open") == calls(shop, "Shop.open") == {"success": 1}


def test_what_a_registry_got_before_goes_on_working_and_the_name_is_guarded(application: Application) -> None:
    shop = application.load(SHOP, "later")

    assert shop.REGISTRY[f"{shop.__name__}.later"](3) == shop.later(3)

    assert calls(shop, "later") == {"success": 1}


def test_an_object_that_a_decorator_made_of_a_function_is_guarded_and_keeps_its_methods(
    application: Application,
) -> None:
    shop = application.load(
        """
        class Task:
            def __init__(self, function): self.run, self.name = function, function.__name__
            def __call__(self, *args): return self.run(*args)
            def delay(self, *args): return "queued", self(*args)

        @Task
        def charge(amount): return amount

        @Task
        def refund(amount): return amount
        """,
        "charge",
        "refund.run",
    )

    assert (shop.charge(3), shop.charge.name, isinstance(shop.charge, shop.Task)) == (3, "charge", True)
    assert shop.refund.delay(3) == ("queued", 3)
    assert calls(shop, "charge") == {"success": 1}
    assert calls(shop, "refund.run") == {"success": 1}


def test_a_doctest_of_a_guarded_function_passes(application: Application) -> None:
    import doctest  # noqa: PLC0415  # nobody else needs it here

    shop = application.load(SHOP, "charge")
    [test] = doctest.DocTestFinder(recurse=False).find(shop.charge, "charge", module=False, globs=vars(shop))

    assert doctest.DocTestRunner().run(test).failed == 0
    assert calls(shop, "charge") == {"success": 1}


@pytest.mark.parametrize("named", ["charge", "Order.of", "cached"])
def test_what_was_pickled_guarded_is_read_where_nothing_is(application: Application, named: str) -> None:
    shop = application.load(SHOP, named)
    pickled = pickle.dumps(evaluate(named, shop))

    application.instrumentor.uninstrument()

    assert pickle.loads(pickled) == evaluate(named, shop)


@pytest.mark.parametrize("named", ["Foreign.make", "Foreign.charge"])
def test_a_method_behind_a_wrapper_that_does_not_pickle_does_so_guarded(application: Application, named: str) -> None:
    shop = application.load(SHOP, named)
    method = evaluate(named.replace("Foreign.charge", "Foreign().charge"), shop)

    assert pickle.loads(pickle.dumps(method)).__name__ == method.__name__


def test_a_bound_method_that_is_guarded_on_its_object_pickles_as_before(application: Application) -> None:
    shop = application.load(SHOP, "card.charge")

    assert pickle.loads(pickle.dumps(shop.card.charge))() == 1


WORK = """
    import os

    def work(number): return number * 2

    class Worker:
        def work(self, number): return number * 3
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    "method",
    [
        pytest.param("fork", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")),
        "spawn",
    ],
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_guarded_functions_and_methods_go_to_other_processes(
    application: Application, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    module = application.load(WORK, "work", "Worker.work")

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(module.work, [1, 2])) == [2, 4]
        assert pool.submit(module.Worker().work, 1).result() == 3


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_guarded_and_can_take_that_back(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("def work(): pass\n")
    program = """
import os
from otel_breaker import get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from otel_breaker_instrumentation.targets.guards import guarded_by

OtelBreakerInstrumentor().instrument(targets=[{"function": "work:work"}])
import work
if os.fork() == 0:
    work.work()
    counted = get_breaker("work:work").snapshot().calls["success"]
    OtelBreakerInstrumentor().uninstrument()
    os._exit(0 if counted == 1 and not guarded_by(work.work) else 1)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert guarded_by(work.work)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
