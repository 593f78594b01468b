"""Targets that are no Python functions, such as other instrumentors' wrappers; and the names of targets in spans."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_breaker import CircuitOpenError
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from tests.conftest import Spans
    from tests.instrumentation.applications import Application

WRAPPED = """
    import asyncio
    import wrapt

    await_ = asyncio.run
    seen = []

    def instrumented(wrapped, instance, args, kwargs):
        seen.append((instance, args))
        return wrapped(*args, **kwargs)

    def foreign(function):
        return wrapt.FunctionWrapper(function, instrumented)

    @foreign
    def charge(amount):
        return amount

    @foreign
    async def charge_later(amount):
        return amount

    @foreign
    def receipts(number):
        yield from range(number)

    class Client:
        @foreign
        def charge(self, amount):
            return type(self).__name__, amount

        @foreign
        async def charge_later(self, amount):
            return type(self).__name__, amount

        @foreign
        @classmethod
        def make(cls, amount):
            return cls.__name__, amount

        @foreign
        @staticmethod
        def price(amount):
            return amount

    class Special(Client):
        pass

    client = Client()
    special = Special()
"""

KINDS = [
    ("charge", "charge(3)", 3, "None"),
    ("charge_later", "await_(charge_later(3))", 3, "None"),
    ("receipts", "list(receipts(3))", [0, 1, 2], "None"),
    ("Client.charge", "client.charge(3)", ("Client", 3), "client"),
    ("Client.charge", "special.charge(3)", ("Special", 3), "special"),
    ("Client.charge_later", "await_(client.charge_later(3))", ("Client", 3), "client"),
    ("Client.make", "Client.make(3)", ("Client", 3), "Client"),
    ("Client.make", "special.make(3)", ("Special", 3), "Special"),
    ("Client.price", "client.price(3)", 3, "None"),
    ("Special.charge", "special.charge(3)", ("Special", 3), "special"),
    ("client.charge", "client.charge(3)", ("Client", 3), "client"),
]


@pytest.mark.parametrize(("named", "expression", "result", "instance"), KINDS)
def test_behind_another_instrumentors_wrapper_a_target_is_guarded(
    application: Application, named: str, expression: str, result: object, instance: str
) -> None:
    module = application.load(WRAPPED, named)

    assert evaluate(expression, module) == result
    assert calls(module, named) == {"success": 1}


@pytest.mark.parametrize(("named", "expression", "result", "instance"), KINDS)
def test_another_instrumentors_wrapper_still_sees_the_instance_and_the_arguments(
    application: Application, named: str, expression: str, result: object, instance: str
) -> None:
    module = application.load(WRAPPED, named)

    evaluate(expression, module)

    assert module.seen == [(evaluate(instance, module), (3,))]


def test_a_refused_call_does_not_reach_another_instrumentors_wrapper(application: Application) -> None:
    name = application.write("""
        import wrapt

        seen = []

        def instrumented(wrapped, instance, args, kwargs):
            seen.append(args)
            return wrapped(*args, **kwargs)

        class Client:
            def charge(self):
                raise OSError

            charge = wrapt.FunctionWrapper(charge, instrumented)
    """)
    application.guard(f"{name}:Client.charge", breakers={f"{name}:Client.charge": {"failure_threshold": 1}})
    module = importlib.import_module(name)
    with pytest.raises(OSError):
        module.Client().charge()

    with pytest.raises(CircuitOpenError):
        module.Client().charge()

    assert len(module.seen) == 1


@pytest.mark.parametrize(
    ("named", "expression", "result"),
    [
        ("Basket.size", "Basket().size([1, 2])", 2),
        ("Basket.add", "Basket().add(3)", None),
        ("Basket.append", "Basket().append(3)", None),
        ("Basket.of", "Basket.of('ab')", {"a": None, "b": None}),
        ("bound", "bound(3)", None),
    ],
)
def test_a_callable_of_c_is_guarded_in_modules_and_in_classes(
    application: Application, named: str, expression: str, result: object
) -> None:
    source = """
        class Basket(list):
            size = len
            add = list.append
            of = dict.fromkeys

        bound = [].append
    """

    module = application.load(source, named)

    assert evaluate(expression, module) == result
    assert calls(module, named) == {"success": 1}


@pytest.mark.parametrize(
    ("named", "expression", "result"),
    [("Client.in_euro", "Client().in_euro(3)", (3, "EUR")), ("Client.refund", "Client().refund(3)", 3)],
)
def test_a_descriptor_that_makes_a_method_is_guarded(
    application: Application, named: str, expression: str, result: object
) -> None:
    source = """
        from functools import partialmethod, singledispatchmethod

        class Client:
            def charge(self, amount, currency):
                return amount, currency

            in_euro = partialmethod(charge, currency="EUR")

            @singledispatchmethod
            def refund(self, amount):
                return amount
    """

    module = application.load(source, named)

    assert evaluate(expression, module) == result
    assert calls(module, named) == {"success": 1}


@pytest.mark.parametrize("source", ["def charge(): pass", "from time import time as charge"])
def test_telemetrys_own_calls_pass_unguarded_and_unrecorded(
    application: Application, spans: Spans, source: str
) -> None:
    module = application.load(source, "charge")

    with suppress_instrumentation():
        module.charge()

    assert spans() == ()
    assert calls(module, "charge") == {}


@pytest.mark.parametrize(
    ("source", "named", "expression"),
    [
        ("def charge(): pass", "charge", "charge()"),
        ("from time import time as charge", "charge", "charge()"),
        ("class Client:\n    def charge(self): pass", "Client.charge", "Client().charge()"),
        ("class Base:\n    def charge(self): pass\nclass Client(Base): pass", "Client.charge", "Client().charge()"),
    ],
)
def test_a_span_calls_the_function_as_the_configuration_does(
    application: Application, spans: Spans, source: str, named: str, expression: str
) -> None:
    module = application.load(source, named)

    evaluate(expression, module)

    assert dict(spans.last().attributes or {})["code.function.name"] == f"{module.__name__}.{named}"
