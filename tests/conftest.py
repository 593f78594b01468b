"""Fixtures that every test may use: a clock, and the real SDK with its output kept in memory."""

from __future__ import annotations

import gc
import signal
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

# A background job starts with SIGINT ignored, and so would the programs that tests start, and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

sys.path.insert(0, str(Path(__file__).parents[1]))  # importlib mode adds nothing: tests share fakes as `tests.fakes`

from otel_breaker.forks import FORKS, ForkStage  # noqa: E402  # found by the path set above
from tests.fakes import FakeClock  # noqa: E402  # likewise
from tests.reset import reset_process_state  # noqa: E402  # found by the path set above

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_breaker.telemetry.metrics import MetricRegistry


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """After each module, leave out of the garbage collector's searches what has been made so far.

    A report of targets searches all other objects, and so does each full collection, which took a third of the time.
    """
    try:
        return (yield)
    finally:
        if nextitem is not None and nextitem.getparent(pytest.Module) is not item.getparent(pytest.Module):
            gc.collect()
            gc.freeze()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def metric_registry(monkeypatch: pytest.MonkeyPatch) -> MetricRegistry:
    """A metric registry of one test's breakers only; all other state of the process is reset, too."""
    metric_registry = reset_process_state(monkeypatch)
    reference = weakref.WeakMethod(metric_registry.after_fork)
    FORKS.register(ForkStage.METRICS, lambda: (after_fork := reference()) and after_fork())
    return metric_registry


class Spans:
    """The finished spans, in the order in which they ended."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def __call__(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def last(self) -> ReadableSpan:
        return self()[-1]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """A real SDK that samples everything, for the length of one test."""
    exporter = InMemorySpanExporter()
    # Without a resource the SDK starts a thread that looks for one.
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield Spans(exporter)
    provider.shutdown()
