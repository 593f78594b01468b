"""docs/instrumentation.md is true: each example runs in the shop that it names."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from otel_breaker import CircuitOpenError, get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor, report
from tests.docs.test_documents import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "instrumentation.md"
TARGETS, PATTERNS, SETTINGS = range(3)

PAYMENTS = """
class PaymentClient:
    def charge(self, amount):
        if amount < 0:
            raise OSError
        return amount
    pay = charge
    @property
    def url(self): return "http://shop"

def charge_later(client, amount): return "later"
def refund(): return "refunded"
def quote(currency): return currency
def _private(): pass
"""
WEB = """
import httpx

class Partner:
    def __init__(self, host): self.host = host
    def fetch(self, path): return path

def send(request): return httpx.Response(503, request=request)
"""
CLIENTS = """
from shop.payments import PaymentClient

class HttpClient:
    def send_order(self): pass
    async def send_later(self): pass
    def close(self): pass

class TestClient:
    def send_order(self): pass
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The application of the document, imported by nobody yet, and everything as before afterwards."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, source in {
        "__init__": "",
        "payments": PAYMENTS,
        "clients": CLIENTS,
        "web": WEB,
        "api": "from shop.payments import refund",
    }.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    if OtelBreakerInstrumentor().is_instrumented_by_opentelemetry:
        OtelBreakerInstrumentor().uninstrument()
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def instrument(example: int) -> None:
    OtelBreakerInstrumentor().instrument(**yaml.safe_load(blocks(DOCUMENT, "yaml")[example]))


def run(example: int) -> None:
    exec(compile(blocks(DOCUMENT, "python")[example], str(DOCUMENT), "exec"), {})


def shop(module: str) -> Any:
    return importlib.import_module(f"shop.{module}")


def guarded() -> list[str]:
    return [line.target for line in report() if line.status.value == "guarded"]


def test_targets() -> None:
    instrument(TARGETS)

    shop("payments").PaymentClient().charge(3)
    shop("payments").quote("EUR")
    shop("web").send(httpx.Request("GET", "https://api.example/orders"))
    shop("web").Partner("eu.example").fetch("/")

    assert len(guarded()) == 5
    assert get_breaker("http", key="api.example").snapshot().calls["success"] == 1
    assert get_breaker("partners", key="eu.example").snapshot().calls["success"] == 1
    assert get_breaker("payments").snapshot().calls["success"] == 1
    assert get_breaker("quotes", key="EUR").snapshot().calls["success"] == 1


def test_many_functions_at_once() -> None:
    instrument(PATTERNS)
    before = get_breaker("partners").snapshot().calls["success"]

    client = shop("clients").HttpClient()
    client.send_order()
    asyncio.run(client.send_later())

    assert get_breaker("partners").snapshot().calls["success"] - before == 2
    assert guarded() == [
        "shop.clients:HttpClient.send_order",
        "shop.clients:HttpClient.send_later",
        "shop.payments:charge_later",
        "shop.payments:refund",
        "shop.payments:quote",
    ]


def test_settings_of_a_target() -> None:
    instrument(SETTINGS)
    client = shop("payments").PaymentClient()
    settings = get_breaker("payments").settings
    assert (settings.failure_threshold, settings.recovery_time) == (2, 10)

    for _ in range(2):
        with pytest.raises(OSError):
            client.charge(-1)

    assert client.charge(3) == "later"
    shop("clients")
    send = get_breaker("shop.clients:HttpClient.send_order").settings
    assert (send.slow_call_rate, send.recovery_time, send.failure_threshold) == (0.5, 5, 10)
    get_breaker("payments").reset()
    shop("web").send(httpx.Request("GET", "https://api.example/orders"))
    assert get_breaker("shop.web:send").failures == 1


TASKS = """
from celery import Celery
app = Celery("shop", broker="memory://", set_as_current=False)
@app.task(name="charge")
def charge(): pass
"""


def test_a_task_that_workers_call_past_its_guard(tmp_path: Path) -> None:
    _, shown = blocks(DOCUMENT, "text")
    (tmp_path / "shop" / "tasks.py").write_text(TASKS)
    OtelBreakerInstrumentor().instrument(targets=[{"function": "shop.tasks:charge", "breaker": "payments"}])
    shop("tasks")

    assert str(report()).splitlines()[1:] == shown.splitlines()


def test_what_became_of_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    shown, _ = blocks(DOCUMENT, "text")
    shop("api")
    OtelBreakerInstrumentor().instrument(
        targets=[
            {"function": "shop.payments:PaymentClient.charge", "breaker": "payments"},
            {"function": "shop.payments:refund"},
            {"function": "shop.payments:qoute"},
            {"function": "shop.payments:PaymentClient.url"},
            {"function": "shop.clients:*Client.fetch_*"},
            {"function": "shop.clents:HttpClient.send_order"},
        ]
    )
    shop("clients")

    run(0)

    assert capsys.readouterr().out == shown


def test_taking_it_back() -> None:
    plain = shop("payments").refund
    instrument(TARGETS)
    assert shop("payments").refund is not plain

    run(1)

    assert shop("payments").refund is plain
    assert report() == ()


def test_a_refused_call_through_an_alias(caplog: pytest.LogCaptureFixture) -> None:
    shop("api")
    instrument(TARGETS)
    breaker = get_breaker("shop.payments:refund")
    breaker.force_open()

    with pytest.raises(CircuitOpenError):
        shop("api").refund()

    breaker.reset()
