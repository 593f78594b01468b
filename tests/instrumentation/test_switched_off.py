"""A guard under a later wrapper cannot be removed: it is switched off in its place, and that is logged."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_breaker import CircuitOpenError, get_breaker
from otel_breaker.guard import inner_wrapper
from otel_breaker_instrumentation import Status, report
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import Spans
    from tests.instrumentation.applications import Application

SHOP = """
    import asyncio
    import functools
    from contextlib import contextmanager
    from math import sqrt

    import wrapt

    def by_wrapt(function):
        return wrapt.FunctionWrapper(function, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    def by_closure(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    def by_bare_closure(function):
        return lambda *args, **kwargs: function(*args, **kwargs)

    async def all_(items):
        return [item async for item in items]

    def charge(tenant="eu"): return 3
    async def charge_later(): return 3
    def receipts(): yield 3
    async def receipts_later(): yield 3
    @contextmanager
    def session(): yield 3

    def entered(manager):
        with manager as it:
            return it

    class Client:
        def charge(self): return 3

    client = Client()
"""

KINDS = [
    ("charge", "charge()"),
    ("charge_later", "asyncio.run(charge_later())"),
    ("receipts", "list(receipts())"),
    ("receipts_later", "asyncio.run(all_(receipts_later()))"),
    ("session", "entered(session())"),
    ("sqrt", "sqrt(9)"),
    ("Client.charge", "client.charge()"),
]


def wrap(module: ModuleType, named: str, how: str) -> None:
    """Wrap the attribute's value, as another tool would."""
    *path, name = named.split(".")
    owner = evaluate(path[0], module) if path else module
    setattr(owner, name, vars(module)[how](vars(owner)[name]))


@pytest.mark.parametrize("how", ["by_wrapt", "by_closure", "by_bare_closure"])
@pytest.mark.parametrize(("named", "expression"), KINDS)
def test_under_a_wrapper_that_came_later_a_guard_does_nothing_any_more(
    application: Application, named: str, expression: str, how: str
) -> None:
    shop = application.load(SHOP, named)
    wrap(shop, named, how)
    result = evaluate(expression, shop)
    assert calls(shop, named) == {"success": 1}

    application.instrumentor.uninstrument()

    assert evaluate(expression, shop) == result
    assert calls(shop, named) == {"success": 1}


@pytest.mark.parametrize("listened", [False, True])
@pytest.mark.parametrize(("named", "expression"), KINDS)
def test_an_open_circuit_refuses_nothing_through_a_guard_that_is_switched_off(
    application: Application, request: pytest.FixtureRequest, named: str, expression: str, listened: bool
) -> None:
    if listened:
        request.getfixturevalue("spans")
    shop = application.load(SHOP, named)
    get_breaker(f"{shop.__name__}:{named}").force_open()
    wrap(shop, named, "by_wrapt")
    with pytest.raises(CircuitOpenError):
        evaluate(expression, shop)

    application.instrumentor.uninstrument()

    evaluate(expression, shop)
    assert calls(shop, named) == {"rejected": 1}


@pytest.mark.parametrize("how", ["by_wrapt", "by_closure"])
@pytest.mark.parametrize(("named", "expression"), KINDS)
def test_a_guard_that_times_its_calls_does_nothing_any_more(
    application: Application, named: str, expression: str, how: str
) -> None:
    name = application.write(SHOP)
    timed = {"slow_call_duration": 60, "slow_call_rate": 0.5}
    application.guard(f"{name}:{named}", breakers={f"{name}:{named}": timed})
    shop = importlib.import_module(name)
    wrap(shop, named, how)

    application.instrumentor.uninstrument()

    evaluate(expression, shop)
    assert calls(shop, named) == {}


def test_a_guard_that_is_switched_off_makes_no_span(application: Application, spans: Spans) -> None:
    shop = application.load(SHOP, "charge")
    wrap(shop, "charge", "by_wrapt")

    application.instrumentor.uninstrument()
    shop.charge()

    assert spans() == ()
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_keyed_guard_is_switched_off_as_well(application: Application) -> None:
    name = application.write(SHOP)
    application.instrumentor.instrument(
        targets=[{"function": f"{name}:charge", "breaker": f"{name} {{tenant}}"}], defaults={"failure_threshold": 1}
    )
    shop = importlib.import_module(name)
    get_breaker(name, key="eu").force_open()
    wrap(shop, "charge", "by_wrapt")

    application.instrumentor.uninstrument()

    assert shop.charge() == 3


def test_a_call_that_is_under_way_when_its_guard_is_switched_off_is_counted(application: Application) -> None:
    shop = application.load(SHOP, "receipts")
    wrap(shop, "receipts", "by_wrapt")
    receipts = shop.receipts()
    next(receipts)

    application.instrumentor.uninstrument()
    list(receipts)

    assert calls(shop, "receipts") == {"success": 1}


def test_a_guard_that_is_switched_off_is_logged(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    shop = application.load(SHOP, "charge")
    wrap(shop, "charge", "by_closure")

    application.instrumentor.uninstrument()

    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", logging.WARNING)
    assert record.getMessage() == f"{shop.__name__}:charge stays under what has wrapped it since, switched off"


def test_a_replacement_that_does_not_show_what_it_wraps_is_logged(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    shop = application.load(SHOP, "charge")
    wrap(shop, "charge", "by_bare_closure")

    application.instrumentor.uninstrument()

    [record] = caplog.records
    assert record.getMessage() == f"{shop.__name__}:charge is left as it is: something else was put there since"


@pytest.mark.parametrize("how", ["by_wrapt", "by_closure"])
def test_a_wrapper_of_a_guard_that_is_switched_off_can_be_guarded_again(application: Application, how: str) -> None:
    shop = application.load(SHOP, "charge")
    wrap(shop, "charge", how)
    application.instrumentor.uninstrument()

    application.guard(f"{shop.__name__}:charge")
    shop.charge()

    assert [line.status for line in report()] == [Status.GUARDED]
    assert calls(shop, "charge") == {"success": 1}


@pytest.mark.parametrize("how", ["by_wrapt", "by_closure"])
def test_a_guard_under_a_wrapper_is_still_reported_as_guarding(application: Application, how: str) -> None:
    shop = application.load(SHOP, "charge", "Client.charge")

    wrap(shop, "charge", how)
    wrap(shop, "Client.charge", how)

    assert [line.status for line in report()] == [Status.GUARDED, Status.GUARDED]


def test_the_wrapper_is_removed_later_and_the_guard_with_it(application: Application) -> None:
    shop: Any = importlib.import_module(application.write(SHOP))
    original = shop.charge
    application.guard(f"{shop.__name__}:charge")
    guard = shop.charge
    wrap(shop, "charge", "by_wrapt")
    application.instrumentor.uninstrument()

    shop.charge = guard  # as the other tool puts back what it found
    application.guard(f"{shop.__name__}:charge")
    shop.charge()

    assert calls(shop, "charge") == {"success": 1}
    application.instrumentor.uninstrument()
    assert shop.charge is guard
    assert inner_wrapper(guard).__wrapped__ is original
