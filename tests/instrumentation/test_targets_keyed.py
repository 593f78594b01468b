"""One circuit for each key that the arguments of a call make: a target's breaker may have fields."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_breaker import CircuitOpenError, get_breaker
from tests.instrumentation.applications import evaluate

if TYPE_CHECKING:
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    import asyncio
    import functools
    import wrapt

    await_ = asyncio.run

    def foreign(function):
        return wrapt.FunctionWrapper(function, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    def charge(tenant="eu"):
        return tenant

    async def charge_later(tenant):
        return tenant

    def receipts(tenant):
        yield tenant

    @functools.lru_cache
    def cached(tenant):
        return tenant

    class Client:
        def charge(self, tenant):
            return tenant

        @classmethod
        def make(cls, tenant):
            return tenant

        @staticmethod
        def price(tenant):
            return tenant

        @foreign
        def audited(self, tenant):
            return tenant

        @foreign
        @classmethod
        def audited_maker(cls, tenant):
            return tenant

    client = Client()
"""


def load(application: Application, qualified_name: str, template: str, source: str = SHOP) -> ModuleType:
    """Import a module with a function that is guarded by the breaker `<module> <template>`."""
    name = application.write(source)
    target = {"function": f"{name}:{qualified_name}", "breaker": f"{name} {template}"}
    application.instrumentor.instrument(targets=[target], defaults={"failure_threshold": 1})
    return importlib.import_module(name)


def successes(module: ModuleType, key: str) -> int:
    return get_breaker(module.__name__, key=key).snapshot().calls["success"]


@pytest.mark.parametrize(
    ("named", "expression", "key"),
    [
        ("charge", "charge('us')", "us"),
        ("charge", "charge(tenant='us')", "us"),
        ("charge", "charge()", "eu"),
        ("charge_later", "await_(charge_later('us'))", "us"),
        ("receipts", "list(receipts('us'))", "us"),
        ("cached", "cached('us')", "us"),
        ("Client.charge", "client.charge('us')", "us"),
        ("Client.charge", "Client.charge(client, tenant='us')", "us"),
        ("Client.make", "Client.make('us')", "us"),
        ("Client.price", "client.price('us')", "us"),
        ("Client.audited", "client.audited('us')", "us"),
        ("Client.audited_maker", "Client.audited_maker('us')", "us"),
        ("client.charge", "client.charge('us')", "us"),
    ],
)
def test_an_argument_is_the_key(application: Application, named: str, expression: str, key: str) -> None:
    module = load(application, named, "{tenant}")

    evaluate(expression, module)

    assert successes(module, key) == 1


def test_each_key_has_a_circuit_of_its_own(application: Application) -> None:
    source = """
        def charge(tenant):
            if tenant == "us":
                raise OSError
    """
    module = load(application, "charge", "{tenant}", source)
    with pytest.raises(OSError):
        module.charge("us")

    module.charge("eu")
    with pytest.raises(CircuitOpenError) as caught:
        module.charge("us")

    assert (caught.value.name, caught.value.key) == (module.__name__, "us")


def test_a_field_that_is_no_parameter_is_reported_with_those_there_are(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    module = load(application, "charge", "{tennant}")

    assert module.charge() == "eu"
    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", logging.ERROR)
    assert "targets[0].breaker: there is no parameter 'tennant': known are tenant" in record.getMessage()


@pytest.mark.usefixtures("spans")
@pytest.mark.parametrize("named", ["charge", "cached"])
def test_telemetrys_own_calls_pass_unguarded(application: Application, named: str) -> None:
    module = load(application, named, "{tenant}")

    with suppress_instrumentation():
        evaluate(f"{named}('us')", module)

    assert successes(module, "us") == 0


def test_restoring_takes_a_keyed_guard_away_as_well(application: Application) -> None:
    module = importlib.import_module(application.write(SHOP))
    plain, inherited = module.charge, vars(module.Client)["make"]
    targets = [
        {"function": f"{module.__name__}:{named}", "breaker": f"{module.__name__} {{tenant}}"}
        for named in ("charge", "Client.make")
    ]
    application.instrumentor.instrument(targets=targets)

    application.instrumentor.uninstrument()

    assert module.charge is plain
    assert vars(module.Client)["make"] is inherited
