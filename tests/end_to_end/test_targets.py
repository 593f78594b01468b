"""Every kind of target and every order of import under `opentelemetry-instrument`: what arrives at a Collector."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.checkout import configuration
from tests.end_to_end.otlp_receiver import Received, receiving

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.processes

KINDS = """
import functools
from zlib import crc32

def function(): pass
async def coroutine_function(): pass
def generator(): yield
async def async_generator(): yield
@functools.lru_cache
def cached(): pass

class Base:
    def inherited(self): pass

class Client(Base):
    def method(self): pass
    @classmethod
    def class_method(cls): pass
    @staticmethod
    def static_method(): pass
    class Nested:
        def method(self): pass
    def _private(self): pass

client = Client()
"""
LAZY = "def function(): pass"
PATTERNS = """
class HttpClient:
    def send_order(self): pass
    def send_receipt(self): pass
    def close(self): pass
class TestClient:
    def send_order(self): pass
"""
MAIN = """
import asyncio, importlib.util, sys

def lazily(name):
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

lazy = lazily("lazy")
import kinds, patterns, requests
from kinds import function

async def later():
    await kinds.coroutine_function()
    [item async for item in kinds.async_generator()]

function(); asyncio.run(later()); list(kinds.generator()); kinds.cached(); kinds.crc32(b"")
client = kinds.client
client.method(); client.class_method(); client.static_method(); client.Nested().method(); client.inherited()
kinds.Base().inherited(); client._private()
lazy.function()
for client in patterns.HttpClient(), patterns.TestClient():
    client.send_order()
patterns.HttpClient().send_receipt(); patterns.HttpClient().close()
try:
    requests.Session().get("http://127.0.0.1:1/")
except requests.ConnectionError:
    pass
"""
CONFIGURATION = """
targets:
  - function: kinds:function
  - function: kinds:coroutine_function
  - function: kinds:generator
  - function: kinds:async_generator
  - function: kinds:cached
  - function: kinds:crc32
  - function: kinds:Client.method
  - function: kinds:Client.class_method
  - function: kinds:Client.static_method
  - function: kinds:Client.Nested.method
  - function: kinds:Client.inherited
  - function: lazy:function
  - function: patterns:*Client.send_*
    exclude: [patterns:TestClient]
    breaker: partners
  - function: requests.sessions:Session.send
  - function: never:function
  - function: kinds:nothing
  - function: kinds:Client
"""
GUARDED = [
    *("function", "coroutine_function", "generator", "async_generator", "cached", "crc32"),
    *("Client.method", "Client.class_method", "Client.static_method", "Client.Nested.method", "Client.inherited"),
]


@dataclass(frozen=True)
class Run:
    received: Received
    log: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A program with all of them."""
    folder = tmp_path_factory.mktemp("targets")
    for name, source in {"kinds": KINDS, "lazy": LAZY, "patterns": PATTERNS, "main": MAIN}.items():
        (folder / f"{name}.py").write_text(source)
    (folder / "breakers.yaml").write_text(CONFIGURATION)
    with receiving() as received:
        environment = configuration.clean_environment() | {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_BREAKER_CONFIG_FILE": str(folder / "breakers.yaml"),
        }
        instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        command = [instrument, sys.executable, str(folder / "main.py")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    return Run(received, done.stderr)


def guarded_calls(run: Run, keep: Callable[[str], bool]) -> list[str]:
    spans = sorted(run.received.spans, key=lambda span: span.start)
    names = [str(span.attributes["code.function.name"]) for span in spans if span.scope == "otel_breaker"]
    return sorted(name for name in names if keep(name))


def test_every_kind_of_target_is_guarded_once(run: Run) -> None:
    calls = guarded_calls(run, lambda name: name.startswith("kinds."))

    assert calls == sorted(f"kinds.{name}" for name in GUARDED)


def test_a_lazy_module_is_guarded(run: Run) -> None:
    assert guarded_calls(run, lambda name: name.startswith("lazy.")) == ["lazy.function"]


def test_a_pattern_guards_its_matches_by_one_breaker_and_leaves_what_is_excluded(run: Run) -> None:
    calls = guarded_calls(run, lambda name: name.startswith("patterns."))

    assert calls == ["patterns.HttpClient.send_order", "patterns.HttpClient.send_receipt"]
    assert sum(span.name == "circuit_breaker partners" for span in run.received.spans) == 2


def test_what_another_instrumentor_wraps_is_guarded_in_any_order_of_loading(run: Run) -> None:
    [ours] = [span for span in run.received.spans if span.name == "circuit_breaker requests.sessions:Session.send"]
    [theirs] = [span for span in run.received.spans if span.scope == "opentelemetry.instrumentation.requests"]

    assert ours.status == theirs.status == "error"
    assert ours.trace_id == theirs.trace_id


def test_the_metric_counts_targets_by_what_became_of_them(run: Run) -> None:
    counts = run.received.totals("circuit_breaker.targets", "circuit_breaker.target.status")

    assert counts == {("guarded",): 15, ("pending",): 1, ("missing",): 1, ("refused",): 1}
    [(unit, kind)] = {(p.unit, p.kind) for p in run.received.points if p.metric == "circuit_breaker.targets"}
    assert (unit, kind) == ("{target}", "up-down counter")


def test_what_is_not_guarded_is_logged_at_exit_in_one_record(run: Run) -> None:
    [record] = [line for line in run.log.splitlines() if "targets not guarded" in line]

    assert record.startswith("3 of 18 targets not guarded: pending never:function (")
    assert "; missing kinds:nothing (" in record
    assert "; refused kinds:Client (" in record
    assert record.count("breakers.yaml: targets[") == 3
