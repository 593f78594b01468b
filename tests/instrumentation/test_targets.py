"""Which callables a target may name: each is guarded, and behaves as before in every other way."""

from __future__ import annotations

import importlib
import inspect
import pickle
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitOpenError
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application

SHOP = """
    import asyncio
    import functools
    from math import sqrt

    await_ = asyncio.run

    async def all_(items):
        return [item async for item in items]

    def charge(amount, *, currency="EUR"):
        "Charges."
        return amount, currency

    async def charge_later(amount):
        return amount

    def receipts(number):
        yield from range(number)

    async def receipts_later(number):
        for receipt in range(number):
            yield receipt

    @functools.lru_cache
    def cached(amount):
        return amount

    in_euro = functools.partial(charge, currency="EUR")

    class Base:
        def inherited(self, amount):
            return type(self).__name__, amount

        @classmethod
        def inherited_maker(cls):
            return cls.__name__

    class Client(Base):
        def charge(self, amount):
            return type(self).__name__, amount

        async def charge_later(self, amount):
            return type(self).__name__, amount

        def receipts(self, number):
            yield from range(number)

        def __call__(self, amount):
            return type(self).__name__, amount

        @classmethod
        def make(cls, *amounts):
            return cls.__name__, amounts

        @classmethod
        async def make_later(cls):
            return cls.__name__

        @staticmethod
        def price(amount):
            return amount

        @staticmethod
        async def price_later(amount):
            return amount

        class Session:
            def send(self, amount):
                return amount

    class Special(Client):
        pass

    client = Client()
"""

KINDS = [
    ("charge", "charge(3, currency='GBP')", (3, "GBP")),
    ("charge_later", "await_(charge_later(3))", 3),
    ("receipts", "list(receipts(3))", [0, 1, 2]),
    ("receipts_later", "await_(all_(receipts_later(3)))", [0, 1, 2]),
    ("cached", "cached(3)", 3),
    ("in_euro", "in_euro(3)", (3, "EUR")),
    ("sqrt", "sqrt(9)", 3.0),
    ("Client.charge", "Client().charge(3)", ("Client", 3)),
    ("Client.charge", "Client.charge(Client(), amount=3)", ("Client", 3)),
    ("Client.charge", "Special().charge(3)", ("Special", 3)),
    ("Client.charge", "client.charge(3)", ("Client", 3)),
    ("Client.charge_later", "await_(Client().charge_later(3))", ("Client", 3)),
    ("Client.receipts", "list(Client().receipts(3))", [0, 1, 2]),
    ("Client.__call__", "client(3)", ("Client", 3)),
    ("Client.make", "Client.make(1, 2)", ("Client", (1, 2))),
    ("Client.make", "Special.make(1, 2)", ("Special", (1, 2))),
    ("Client.make", "Special().make(1, 2)", ("Special", (1, 2))),
    ("Client.make_later", "await_(Special.make_later())", "Special"),
    ("Client.price", "Client.price(3)", 3),
    ("Client.price", "Special().price(3)", 3),
    ("Client.price_later", "await_(Client().price_later(3))", 3),
    ("Client.Session.send", "Client.Session().send(3)", 3),
    ("Client.inherited", "Client().inherited(3)", ("Client", 3)),
    ("Client.inherited", "Special().inherited(3)", ("Special", 3)),
    ("Client.inherited_maker", "Special.inherited_maker()", "Special"),
    ("client.charge", "client.charge(3)", ("Client", 3)),
    ("client.charge_later", "await_(client.charge_later(3))", ("Client", 3)),
    ("client.receipts", "list(client.receipts(3))", [0, 1, 2]),
]


@pytest.mark.parametrize(("named", "expression", "result"), KINDS)
def test_what_a_target_names_is_guarded_and_works_as_before(
    application: Application, named: str, expression: str, result: object
) -> None:
    shop = application.load(SHOP, named)

    assert evaluate(expression, shop) == result
    assert calls(shop, named) == {"success": 1}


@pytest.mark.parametrize(("named", "expression", "result"), KINDS)
def test_what_is_imported_already_is_guarded_at_once(
    application: Application, named: str, expression: str, result: object
) -> None:
    shop = importlib.import_module(application.write(SHOP))

    application.guard(f"{shop.__name__}:{named}")

    assert evaluate(expression, shop) == result
    assert calls(shop, named) == {"success": 1}


def test_nothing_is_imported_for_the_sake_of_guarding_it(application: Application) -> None:
    name = application.write("raise AssertionError('nobody asked for this module')")

    application.guard(f"{name}:charge")


def test_a_guarded_function_opens_its_circuit_and_then_is_not_called(application: Application) -> None:
    name = application.write("""
        asked = []

        def charge():
            asked.append(1)
            raise OSError
    """)
    application.guard(f"{name}:charge", breakers={f"{name}:charge": {"failure_threshold": 2}})
    shop = importlib.import_module(name)
    for _ in range(2):
        with pytest.raises(OSError):
            shop.charge()

    with pytest.raises(CircuitOpenError) as caught:
        shop.charge()

    assert caught.value.name == f"{name}:charge"
    assert len(shop.asked) == 2


def test_a_method_that_a_subclass_overrides_is_not_guarded_there(application: Application) -> None:
    shop = application.load(SHOP + "    class Other(Client):\n        def charge(self): return 0\n", "Client.charge")

    shop.Other().charge()

    assert calls(shop, "Client.charge") == {}


def test_an_inherited_method_stays_unguarded_on_the_base_class(application: Application) -> None:
    shop = application.load(SHOP, "Client.inherited")

    shop.Base().inherited(3)

    assert calls(shop, "Client.inherited") == {}


def test_targets_of_one_breaker_share_its_circuit(application: Application) -> None:
    name = application.write(SHOP)
    breaker = f"{name} both"
    targets = [{"function": f"{name}:{function}", "breaker": breaker} for function in ("charge", "Client.price")]
    application.instrumentor.instrument(targets=targets)
    shop = importlib.import_module(name)

    shop.charge(1)
    shop.Client.price(1)

    assert calls(breaker) == {"success": 2}


def test_a_guarded_function_has_the_name_documentation_and_signature_of_the_original(application: Application) -> None:
    shop = application.load(SHOP, "charge")

    assert (shop.charge.__name__, shop.charge.__doc__) == ("charge", "Charges.")
    assert str(inspect.signature(shop.charge)) == "(amount, *, currency='EUR')"


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("charge", inspect.isfunction),
        ("charge_later", inspect.iscoroutinefunction),
        ("receipts", inspect.isgeneratorfunction),
        ("receipts_later", inspect.isasyncgenfunction),
        ("Client.charge_later", inspect.iscoroutinefunction),
        ("Client.make", inspect.ismethod),
        ("Client.make_later", inspect.iscoroutinefunction),
        ("Client.price", inspect.isfunction),
        ("client.charge_later", inspect.iscoroutinefunction),
        ("sqrt", inspect.isbuiltin),
    ],
)
def test_a_guarded_callable_is_of_the_same_kind(application: Application, named: str, kind: object) -> None:
    shop = application.load(SHOP, named)

    assert kind(evaluate(named, shop))  # type: ignore[operator]


@pytest.mark.parametrize(("named", "kind"), [("make", classmethod), ("price", staticmethod)])
def test_a_class_has_the_same_kind_of_method(application: Application, named: str, kind: type) -> None:
    shop = application.load(SHOP, f"Client.{named}")

    assert type(vars(shop.Client)[named]) is kind


def test_a_guarded_function_can_be_pickled_by_its_name(application: Application) -> None:
    shop = application.load(SHOP, "charge")

    assert pickle.loads(pickle.dumps(shop.charge)) is shop.charge
