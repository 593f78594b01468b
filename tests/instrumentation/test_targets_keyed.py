"""One circuit for each key that the arguments of a call make: a target's breaker may have fields."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_breaker import CircuitOpenError, breakers, get_breaker
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

        @foreign
        def sent(self): return self.host

        @functools.lru_cache
        def remembered(self): return self.host

        host = "eu"

    client = Client()
    other = Client()
    other.host = "us"
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


@pytest.mark.parametrize("named", ["Client.sent", "Client.remembered"])
@pytest.mark.parametrize("expression", ["other.{}()", "Client.{}(other)"])
def test_the_object_is_found_through_another_tools_wrapper(
    application: Application, named: str, expression: str
) -> None:
    module = load(application, named, "{self.host}")
    call = expression.format(named.partition(".")[2])

    evaluate(call, module)

    assert successes(module, "us") == 1


def test_the_class_is_found_through_another_tools_wrapper(application: Application) -> None:
    module = load(application, "Client.audited_maker", "{cls.host} {tenant}")

    evaluate("client.audited_maker('us')", module)

    assert successes(module, "eu us") == 1


@pytest.mark.processes
def test_a_wrapper_that_came_first_does_not_put_all_hosts_into_one_circuit() -> None:
    """As OpenTelemetry's own instrumentation of urllib3 does, where its directory comes before ours."""
    program = """
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from otel_breaker import breakers
from otel_breaker_instrumentation import OtelBreakerInstrumentor

URLLib3Instrumentor().instrument()
target = {"function": "urllib3.connectionpool:HTTPConnectionPool.urlopen", "breaker": "http {self.host}:{self.port}"}
OtelBreakerInstrumentor().instrument(targets=[target], defaults={"failure_threshold": 2})
import urllib3

pool = urllib3.PoolManager(retries=False)
for port in (1, 1, 1, 2):
    try:
        pool.request("GET", f"http://127.0.0.1:{port}/")
    except Exception:
        pass
print([(breaker.key, breaker.state.value) for breaker in breakers()])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[('127.0.0.1:1', 'open'), ('127.0.0.1:2', 'closed')]\n"


def test_a_target_whose_calls_have_no_key_is_named_once_and_passes_unguarded(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
        class Client:
            def send(self): raise OSError
    """
    module = load(application, "Client.send", "{self.hostt}", source)

    for _ in range(3):
        with pytest.raises(OSError):
            module.Client().send()

    (record,) = caplog.records
    assert record.getMessage() == (
        f"calls of {module.__name__}.Client.send pass unguarded by '{module.__name__}': "
        "no key can be made: there is no {self.hostt}: AttributeError; logged once"
    )


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

    assert not [breaker for breaker in breakers() if breaker.name == module.__name__]


def test_restoring_takes_a_keyed_guard_away_as_well(application: Application) -> None:
    module = importlib.import_module(application.write(SHOP))
    original, inherited = module.charge, vars(module.Client)["make"]
    targets = [
        {"function": f"{module.__name__}:{named}", "breaker": f"{module.__name__} {{tenant}}"}
        for named in ("charge", "Client.make")
    ]
    application.instrumentor.instrument(targets=targets)

    application.instrumentor.uninstrument()

    assert module.charge is original
    assert vars(module.Client)["make"] is inherited
