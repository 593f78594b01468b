"""Guards find the global provider by a private name of OpenTelemetry, or else by the public accessor."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

RENAMED = r"""
import importlib.util, re, sys
import opentelemetry

spec = importlib.util.find_spec("opentelemetry.trace")
source = re.sub(r"\b_TRACER_PROVIDER\b", "_RENAMED_PROVIDER", spec.loader.get_source("opentelemetry.trace"))
module = importlib.util.module_from_spec(spec)
sys.modules["opentelemetry.trace"] = opentelemetry.trace = module
exec(compile(source, spec.origin, "exec"), module.__dict__)
assert not hasattr(module, "_TRACER_PROVIDER")
"""
PROGRAM = """
import asyncio
from otel_breaker import CircuitBreaker, CircuitOpenError

breaker = CircuitBreaker("shop", failure_threshold=1)
timed = CircuitBreaker("shop", slow_call_duration=1, slow_call_rate=1)

def guard_everything():
    async def charge_later():
        return 7
    def receipts():
        yield 7
    with breaker.guard():
        pass
    assert breaker(int)("7") == timed(int)("7") == 7
    assert asyncio.run(breaker(charge_later)()) == 7
    assert list(breaker(receipts)()) == [7]
    permit = breaker.can_execute()
    breaker.record_success(permit)

guard_everything()
print(sum(breaker.snapshot().calls.values()), end=" ")

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
guard_everything()
try:
    breaker(int)("x")
except ValueError:
    pass
try:
    breaker(int)("7")
except CircuitOpenError:
    pass
print(sorted(span.attributes["circuit_breaker.call.outcome"] for span in spans.get_finished_spans()))
"""


@pytest.mark.parametrize("api", ["", RENAMED], ids=["as it is", "renamed"])
def test_calls_are_guarded_untraced_and_traced_once_a_provider_is_set(api: str) -> None:
    done = subprocess.run([sys.executable, "-c", api + PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == f"5 {['failure', 'rejected', *['success'] * 5]}"
