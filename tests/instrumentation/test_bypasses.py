"""A function that a framework was given before it was guarded bypasses its guard; the report names the framework."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from otel_breaker_cli.main import main
from otel_breaker_instrumentation import Status, TargetReport, report
from otel_breaker_instrumentation.targets import TARGET_REPORTER, bypass_search, bypasses
from otel_breaker_instrumentation.targets.bypass_names import A_CALLED_ONE, UNDER_IT
from tests.instrumentation.applications import calls

if TYPE_CHECKING:
    from types import ModuleType

    from tests.instrumentation.applications import Application


def reported(application: Application, source: str, function: str, *, late: bool = False) -> TargetReport:
    """The report of a function that is guarded before its module is imported, or after."""
    name = application.write(source)
    if late:
        importlib.import_module(name)
    application.guard(f"{name}:{function}")
    importlib.import_module(name)
    [line] = report()
    assert line.status is Status.GUARDED
    return line


FASTAPI = """
    from typing import Annotated
    from fastapi import Depends, FastAPI

    app = FastAPI()

    def connect(): return 1
    def find_tenant(connection: Annotated[int, Depends(connect)]): return connection

    @app.get("/pay/{order}")
    def pay(order: int, tenant: Annotated[int, Depends(find_tenant)]): return order

    @app.websocket("/watch")
    async def watch(): pass
"""
FLASK = """
    from flask import Blueprint, Flask

    app = Flask("shop")
    part = Blueprint("part", __name__)

    @app.route("/pay")
    def pay(): return ""

    @app.before_request
    def count(): pass

    @part.route("/refund")
    def refund(): return ""
"""
STARLETTE = """
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def pay(request): pass

    app = Starlette(routes=[Route("/pay", pay, methods=["POST"])])
"""
PYDANTIC = """
    from pydantic import BaseModel, field_validator, model_validator

    class Order(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def check(cls, number): return number
"""
CLICK = """
    import click

    def pay(): pass

    command = click.command("pay-now")(pay)
"""
CELERY = """
    from celery import Celery

    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)

    @app.task(name="charge")
    def charge(order): return order
"""


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("source", "function", "who", "remedy"),
    [
        (FASTAPI, "pay", "FastAPI's route GET /pay/{order}", UNDER_IT),
        (FASTAPI, "watch", "FastAPI's route /watch", UNDER_IT),
        (FASTAPI, "connect", "FastAPI's Depends in route GET /pay/{order}", A_CALLED_ONE),
        (FASTAPI, "find_tenant", "FastAPI's Depends in route GET /pay/{order}", A_CALLED_ONE),
        (FLASK, "pay", "Flask's view 'pay'", UNDER_IT),
        (FLASK, "count", "a hook of Flask 'shop'", UNDER_IT),
        (STARLETTE, "pay", "Starlette's route POST /pay", UNDER_IT),
        (PYDANTIC, "Order.check", "pydantic, as 'check' of {module}.Order", A_CALLED_ONE),
        (CLICK, "pay", "click's command 'pay-now'", UNDER_IT),
        (CELERY, "charge", "Celery's workers, as the task 'charge'", "name {module}:charge.run"),
    ],
)
def test_a_framework_that_holds_a_function_is_named_with_the_remedy(
    application: Application, source: str, function: str, who: str, remedy: str, late: bool
) -> None:
    line = reported(application, source, function, late=late)

    module = line.target.partition(":")[0]
    assert line.bypassed_by == (who.replace("{module}", module),)
    assert line.remedy == remedy.replace("{module}", module)


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("HANDLERS = {'paid': [charge]}", "users of {module}:HANDLERS"),
        ("import weakref; HANDLERS = weakref.WeakSet([charge])", "users of {module}:HANDLERS"),
        ("from functools import partial\nJOB = partial(charge, 5)", "users of {module}:JOB"),
        ("def retry(f): return lambda: f()\nJOB = retry(charge)", "users of {module}:JOB"),
        ("def pay(how=charge): how()", "the function {module}:pay"),
        ("class Bus:\n handlers = [charge]", "users of {module}.Bus.handlers"),
        (
            "class Bus:\n def __init__(self): self.handlers = [charge]\nBUS = Bus()",
            "a {module}.Bus, {module}:BUS",
        ),
        ("import blinker; paid = blinker.Signal(); paid.connect(charge)", "a blinker.base.Signal, {module}:paid"),
    ],
)
def test_any_other_object_that_holds_a_function_is_named_by_where_it_is_found(
    application: Application, source: str, who: str
) -> None:
    line = reported(application, f"def charge(): pass\n{source}", "charge")

    assert line.bypassed_by == (who.replace("{module}", line.target.partition(":")[0]),)
    assert line.remedy == UNDER_IT


def test_a_decorator_that_was_given_an_inner_function_is_found(application: Application) -> None:
    source = """
        import functools
        HANDLERS = []
        def register(function):
            HANDLERS.append(function)
            return function
        def retry(function):
            @functools.wraps(function)
            def retried(): return function()
            return retried
        @retry
        @register
        def charge(): pass
    """

    line = reported(application, source, "charge")

    assert line.bypassed_by == (f"users of {line.target.partition(':')[0]}:HANDLERS",)


NOBODY = """
    import functools
    from functools import lru_cache, singledispatch, wraps

    def retry(function):
        @wraps(function)
        def retried(*args): return function(*args)
        return retried

    def charge(): pass
    pay = charge

    @retry
    def refund(): pass

    @lru_cache
    def quote(): pass

    class Client:
        def send(self): pass
        post = send
        @classmethod
        def make(cls): pass
        @staticmethod
        @retry
        def parse(): pass

    class Sub(Client): pass
    client = Client()
    sends = client.send

    class Api:
        pay = staticmethod(charge)
"""


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "function", ["charge", "refund", "quote", "Client.send", "Client.make", "Client.parse", "client.send", "Sub.send"]
)
def test_a_function_that_no_other_object_holds_has_no_bypass(
    application: Application, function: str, late: bool
) -> None:
    line = reported(application, NOBODY, function, late=late)

    assert line.bypassed_by == ()
    assert str(line).startswith("guarded ")


def test_other_names_of_a_function_are_no_bypass(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    name = application.write(NOBODY)

    main(["targets", name])

    assert "called past its name" not in capsys.readouterr().out


def test_the_line_of_a_target_whose_guard_is_bypassed_begins_with_partly(
    application: Application,
) -> None:
    line = reported(application, FLASK, "pay")

    name = line.target
    assert str(report()) == (
        "1 targets: 1 guarded; 1 of them partly\n"
        f"partly  {name} guarded by '{name}', but called unguarded by Flask's view 'pay': {UNDER_IT}"
    )


def test_of_many_bypasses_five_are_reported(application: Application) -> None:
    source = "def charge(): pass\n" + "".join(f"HANDLERS_{index} = [charge]\n" for index in range(20))

    assert len(reported(application, source, "charge").bypassed_by) == 5


def test_the_tasks_own_function_can_be_named_and_is_what_workers_call(application: Application) -> None:
    line = reported(application, CELERY, "charge.run")

    module = importlib.import_module(line.target.partition(":")[0])
    assert module.charge.apply(args=[5]).get() == 5
    assert line.bypassed_by == ()
    assert calls(module, "charge.run") == {"success": 1}


def test_calls_of_a_framework_bypass_the_guard_and_the_remedy_guards_them(application: Application) -> None:
    remedied = FASTAPI.replace("    def pay(", "    @get_breaker('{module} route')\n    def pay(")
    name = application.write(f"    from otel_breaker import get_breaker\n{remedied}".replace("{module}", "remedied"))
    line = reported(application, FASTAPI, "pay")
    module = importlib.import_module(line.target.partition(":")[0])

    async def get(module: ModuleType) -> None:
        transport = httpx.ASGITransport(module.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/pay/5")).json() == 5

    asyncio.run(get(module))
    asyncio.run(get(importlib.import_module(name)))

    assert calls(module, "pay") == {}
    assert calls("remedied route") == {"success": 1}


def test_all_objects_are_searched_for_a_report_alone(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    def search(_: Any) -> Any:
        pytest.fail("all objects were gone through")

    name = application.write(NOBODY)
    monkeypatch.setattr(bypasses, "search", search)

    application.guard(f"{name}:charge")
    importlib.import_module(name).charge()

    assert sum(TARGET_REPORTER.count().values()) == 1


def test_a_process_of_too_many_objects_is_not_stopped_for_a_report(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bypass_search, "_MOST_OBJECTS", 10)

    assert reported(application, FLASK, "pay").bypassed_by == ()


def test_objects_that_raise_when_they_are_inspected_are_passed_over(application: Application) -> None:
    source = """
        class Meta(type):
            def __getattribute__(cls, name): raise RuntimeError(name)
        class Odd(metaclass=Meta):
            def __getattribute__(self, name): raise RuntimeError(name)
            def __hash__(self): raise RuntimeError
            def __eq__(self, other): raise RuntimeError
            def __init__(self, handler): object.__setattr__(self, "handler", handler)
        def charge(): pass
        ODD = object.__new__(Odd)
        object.__setattr__(ODD, "handler", charge)
        HANDLERS = [charge]
    """

    line = reported(application, source, "charge")

    assert f"users of {line.target.partition(':')[0]}:HANDLERS" in line.bypassed_by
