"""Other names of a guarded function: those that are found are guarded too, or reported; the rest stays unguarded."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation import TargetReport, report
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.applications import Application

PAYMENTS = """
    class Client:
        def charge(self): return self
        @classmethod
        def make(cls): return cls
        @staticmethod
        def price(): return 3
        post = charge

    def charge(): return 1
    async def charge_later(): return 1
    pay = charge
"""


def line() -> TargetReport:
    """The report of the one target."""
    [only] = report()
    return only


def two_modules(application: Application, source: str) -> tuple[str, str]:
    """The payments, and a module that has imported them: `{shop}` in its source."""
    payments = application.write(PAYMENTS)
    api = application.write(source.replace("{shop}", payments))
    importlib.import_module(api)
    return payments, api


IMPORTED = [
    ("charge", "from {shop} import charge", "charge()"),
    ("charge", "from {shop} import charge as pay", "pay()"),
    ("charge_later", "import asyncio\nfrom {shop} import charge_later", "asyncio.run(charge_later())"),
    ("Client.charge", "from {shop} import Client\ncharge = Client.charge", "charge(Client)"),
    ("Client.charge", "from {shop} import Client\ncharge = Client().charge", "charge()"),
    ("Client.make", "from {shop} import Client\nmake = Client.make", "make()"),
    ("Client.price", "from {shop} import Client\nprice = Client.price", "price()"),
]


@pytest.mark.parametrize(("named", "imported", "expression"), IMPORTED)
def test_a_name_that_was_imported_before_is_guarded_too(
    application: Application, named: str, imported: str, expression: str
) -> None:
    payments, api = two_modules(application, imported)
    module = importlib.import_module(api)
    original = evaluate(expression, module)

    application.guard(f"{payments}:{named}")

    assert evaluate(expression, module) == original
    assert calls(f"{payments}:{named}") == {"success": 1}
    assert f"{api}:{expression.removeprefix('asyncio.run(').partition('(')[0]}" in line().aliases


@pytest.mark.parametrize(("named", "imported", "expression"), IMPORTED)
def test_a_name_that_was_imported_before_is_restored_too(
    application: Application, named: str, imported: str, expression: str
) -> None:
    payments, api = two_modules(application, imported)
    module = importlib.import_module(api)
    before = dict(vars(module))
    application.guard(f"{payments}:{named}")

    application.instrumentor.uninstrument()

    assert list(vars(module)) == list(before)
    assert all(value is before[name] for name, value in vars(module).items())


def test_an_alias_is_the_same_object_as_the_function(application: Application) -> None:
    payments, api = two_modules(application, "from {shop} import charge")

    application.guard(f"{payments}:charge")

    assert importlib.import_module(api).charge is importlib.import_module(payments).charge


def test_another_name_in_its_own_module_is_guarded_too(application: Application) -> None:
    shop = application.load(PAYMENTS, "charge")

    shop.pay()

    assert calls(shop, "charge") == {"success": 1}
    assert line().aliases == (f"{shop.__name__}:pay",)


@pytest.mark.parametrize("held", ["pay = charge", "pay = staticmethod(charge)", "class In: pass\n    In.pay = charge"])
def test_an_attribute_of_a_class_is_reported_and_not_guarded(application: Application, held: str) -> None:
    payments, api = two_modules(application, f"from {{shop}} import charge\nclass Api:\n    {held}")
    application.guard(f"{payments}:charge")
    owner = evaluate("Api.In if hasattr(Api, 'In') else Api", importlib.import_module(api))

    owner.pay()

    assert calls(f"{payments}:charge") == {}
    assert line().unguarded == (f"{api}:{owner.__qualname__}.pay",)
    assert str(line()).endswith(f", but not as {api}:{owner.__qualname__}.pay")


def test_an_attribute_of_a_class_that_is_reported_can_be_a_target(application: Application) -> None:
    shop = application.load(PAYMENTS, "Client.charge", "Client.post")

    shop.Client().post()

    assert calls(shop, "Client.post") == {"success": 1}
    assert calls(shop, "Client.charge") == {}
    assert [each.unguarded for each in report()] == [(), ()]


def test_a_name_that_is_reported_as_unguarded_is_not_once_it_is_gone(application: Application) -> None:
    shop = application.load(PAYMENTS, "Client.charge")
    assert line().unguarded == (f"{shop.__name__}:Client.post",)

    del shop.Client.post

    assert line().unguarded == ()


@pytest.mark.parametrize("order", [1, -1])
def test_an_alias_that_is_a_target_itself_has_a_guard_of_its_own(application: Application, order: int) -> None:
    payments, api = two_modules(application, "from {shop} import charge")
    application.guard(*[f"{payments}:charge", f"{api}:charge"][::order])

    importlib.import_module(api).charge()

    assert calls(f"{api}:charge") == {"success": 1}
    assert calls(f"{payments}:charge") == {}


def test_what_is_imported_after_it_was_guarded_can_have_a_guard_of_its_own(application: Application) -> None:
    payments = application.write(PAYMENTS)
    api = application.write(f"from {payments} import charge")
    application.guard(f"{payments}:charge", f"{api}:charge")

    importlib.import_module(api).charge()
    importlib.import_module(payments).charge()

    assert calls(f"{api}:charge") == {"success": 1}
    assert calls(f"{payments}:charge") == {"success": 1}


def test_a_name_that_the_target_excludes_is_no_alias_of_its_functions(application: Application) -> None:
    name = application.write(PAYMENTS)
    application.instrumentor.instrument(targets=[{"function": f"{name}:*", "exclude": [f"{name}:pay"]}])
    shop = importlib.import_module(name)

    shop.pay()

    assert calls(shop, "charge") == {}


def test_a_target_that_names_an_imported_function_guards_that_name_alone(application: Application) -> None:
    payments, api = two_modules(application, "from {shop} import charge\npay = charge")
    original = importlib.import_module(payments).charge

    application.guard(f"{api}:charge")

    assert importlib.import_module(payments).charge is original
    assert importlib.import_module(api).pay is original
    assert line().aliases == ()


def test_an_inherited_method_is_no_alias_of_the_one_that_is_inherited(application: Application) -> None:
    shop = application.load(PAYMENTS + "    class Special(Client): pass\n    charge_ = Client.charge", "Special.charge")

    shop.charge_(3)

    assert calls(shop, "Special.charge") == {}
    assert (line().aliases, line().unguarded) == ((), ())


def test_what_is_imported_in_a_circle_from_a_module_under_way_is_guarded_too(
    application: Application, tmp_path: Path
) -> None:
    api = application.write("")
    payments = application.write(f"def charge(): pass\nimport {api}")
    (tmp_path / f"{api}.py").write_text(f"from {payments} import charge")
    application.guard(f"{payments}:charge")
    importlib.import_module(payments)

    importlib.import_module(api).charge()

    assert line().aliases == (f"{api}:charge",)
    assert calls(f"{payments}:charge") == {"success": 1}


def test_what_a_module_gives_to_the_one_that_is_importing_it_is_guarded_too(
    application: Application, tmp_path: Path
) -> None:
    api = application.write("")
    payments = application.write(f"import {api}\ndef charge(): pass\n{api}.charge = charge")
    (tmp_path / f"{api}.py").write_text(f"import {payments}")
    application.guard(f"{payments}:charge")

    importlib.import_module(api).charge()

    assert line().aliases == (f"{api}:charge",)
    assert calls(f"{payments}:charge") == {"success": 1}


def test_what_a_closure_or_a_container_or_a_default_holds_is_called_unguarded(application: Application) -> None:
    payments, api = two_modules(
        application,
        """
        import functools
        import {shop}

        handlers = {"charge": {shop}.charge}
        later = functools.partial({shop}.charge)
        def run(function={shop}.charge): return function()
        def closed(function={shop}.charge):
            return lambda: function()
        closed = closed()
        """,
    )
    application.guard(f"{payments}:charge")
    module = importlib.import_module(api)

    assert [module.handlers["charge"](), module.later(), module.run(), module.closed()] == [1] * 4

    assert calls(f"{payments}:charge") == {}
    assert line().aliases == (f"{payments}:pay",)


def test_to_look_for_other_names_loads_no_lazy_module(application: Application) -> None:
    payments = application.write(PAYMENTS)
    lazy = application.write("raise AssertionError('loaded')")
    spec = importlib.util.find_spec(lazy)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[lazy] = module
    spec.loader.exec_module(module)
    importlib.import_module(payments)

    application.guard(f"{payments}:charge")

    assert line().status.value == "guarded"
