"""`uninstrument` leaves every namespace as it was before, and leaves alone what other tools have set since."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

import pytest
import wrapt

from otel_breaker import get_breaker
from tests.instrumentation.applications import calls, evaluate, is_guarded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    import functools
    import wrapt
    from math import sqrt

    def foreign(function):
        return wrapt.FunctionWrapper(function, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    def charge(amount=1):
        return amount

    async def charge_later():
        pass

    def receipts():
        yield 1

    @foreign
    def audited():
        pass

    @functools.lru_cache
    def cached():
        pass

    class Base:
        def inherited(self):
            pass

        @classmethod
        def inherited_maker(cls):
            pass

        @staticmethod
        def inherited_price():
            pass

    class Client(Base):
        def charge(self):
            return "charged"

        async def charge_later(self):
            pass

        @classmethod
        def make(cls):
            pass

        @staticmethod
        def price():
            pass

        @foreign
        def audited(self):
            pass

        size = len

        class Session:
            def send(self):
                pass

    client = Client()
"""

PLACES = [
    ("", "charge"),
    ("", "charge_later"),
    ("", "receipts"),
    ("", "audited"),
    ("", "cached"),
    ("", "sqrt"),
    ("Client", "charge"),
    ("Client", "charge_later"),
    ("Client", "make"),
    ("Client", "price"),
    ("Client", "audited"),
    ("Client", "size"),
    ("Client", "inherited"),
    ("Client", "inherited_maker"),
    ("Client", "inherited_price"),
    ("Client.Session", "send"),
    ("client", "charge"),
]


def named(owner: str, attribute: str) -> str:
    return f"{owner}.{attribute}" if owner else attribute


def namespaces(module: ModuleType) -> dict[str, object]:
    """Every attribute of the module, its classes and its objects, by its path."""

    def owners() -> Iterator[tuple[str, object]]:
        yield "", module
        for path in ("Base", "Client", "Client.Session", "client"):
            yield path, evaluate(path, module)

    return {named(path, name): value for path, owner in owners() for name, value in vars(owner).items()}


def assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    assert list(before) == list(after)
    assert all(value is after[name] for name, value in before.items())


@pytest.mark.parametrize(("owner", "attribute"), PLACES)
def test_every_namespace_is_as_it_was(application: Application, owner: str, attribute: str) -> None:
    shop = importlib.import_module(application.write(SHOP))
    before = namespaces(shop)
    application.guard(f"{shop.__name__}:{named(owner, attribute)}")
    between = namespaces(shop)

    application.instrumentor.uninstrument()

    assert between[named(owner, attribute)] is not before.get(named(owner, attribute))
    assert_same(before, namespaces(shop))


def test_all_targets_are_restored_together_also_a_method_and_the_one_it_inherits(application: Application) -> None:
    shop = importlib.import_module(application.write(SHOP))
    before = namespaces(shop)
    application.guard(*(f"{shop.__name__}:{named(*place)}" for place in [*PLACES, ("Base", "inherited")]))

    application.instrumentor.uninstrument()

    assert_same(before, namespaces(shop))


def test_what_was_guarded_at_its_import_is_restored(application: Application) -> None:
    shop = application.load(SHOP, "charge")

    application.instrumentor.uninstrument()
    shop.charge()

    assert not is_guarded(shop.charge)
    assert calls(shop, "charge") == {}


def test_an_import_hook_that_has_not_fired_yet_does_nothing(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:charge")

    application.instrumentor.uninstrument()
    shop = importlib.import_module(name)
    shop.charge()

    assert not is_guarded(shop.charge)
    assert calls(shop, "charge") == {}


def test_guarding_again_guards_once(application: Application) -> None:
    shop = importlib.import_module(application.write(SHOP))
    for _ in range(3):
        application.guard(f"{shop.__name__}:charge")
        application.instrumentor.uninstrument()
    application.guard(f"{shop.__name__}:charge")

    shop.charge()

    assert calls(shop, "charge") == {"success": 1}


def test_guarding_again_before_the_import_guards_once(application: Application) -> None:
    name = application.write(SHOP)
    for _ in range(2):
        application.guard(f"{name}:charge")
        application.instrumentor.uninstrument()
    application.guard(f"{name}:charge")

    shop = importlib.import_module(name)
    shop.charge()

    assert calls(shop, "charge") == {"success": 1}


@pytest.mark.parametrize(("owner", "attribute"), [("", "charge"), ("Client", "charge"), ("Client", "inherited")])
def test_a_wrapper_that_came_later_is_not_removed_and_that_is_logged(
    application: Application, caplog: pytest.LogCaptureFixture, owner: str, attribute: str
) -> None:
    shop = application.load(SHOP, named(owner, attribute))
    seen: list[object] = []

    def later(wrapped: object, _: object, args: object, kwargs: object) -> None:
        seen.append(wrapped)

    wrapt.wrap_function_wrapper(shop, named(owner, attribute), later)
    before = namespaces(shop)

    application.instrumentor.uninstrument()

    assert_same(before, namespaces(shop))
    assert evaluate(f"{owner + '()' if owner else ''}.{attribute}()".lstrip("."), shop) is None
    assert len(seen) == 1
    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", logging.WARNING)
    assert f"{named(owner, attribute)} stays under what has wrapped it since, switched off" in record.getMessage()


def test_a_function_that_was_replaced_since_stays_as_it_is(application: Application) -> None:
    shop = application.load(SHOP, "charge", "Client.inherited")
    vars(shop)["charge"] = replacement = object()
    del shop.Client.inherited

    application.instrumentor.uninstrument()

    assert shop.charge is replacement
    assert "inherited" not in vars(shop.Client)


def test_one_place_that_cannot_be_restored_does_not_stop_the_others(application: Application) -> None:
    name = application.write("""
        class Ice(type):
            melting = True

            def __setattr__(cls, name, value):
                if not Ice.melting:
                    raise RuntimeError("nobody changes this")
                super().__setattr__(name, value)

        class Lake(metaclass=Ice):
            def freeze(self):
                pass

        def charge():
            pass
    """)
    lake = importlib.import_module(name)
    original = lake.charge
    application.guard(f"{name}:charge", f"{name}:Lake.freeze")
    lake.Ice.melting = False

    application.instrumentor.uninstrument()

    assert lake.charge is original


def test_a_breaker_made_afterwards_has_the_settings_of_the_code(application: Application) -> None:
    name = f"{application.write('')} payments"
    application.guard(breakers={name: {"failure_threshold": 7}})

    application.instrumentor.uninstrument()

    assert get_breaker(name, failure_threshold=2).settings.failure_threshold == 2
