"""Real SDKs of any configuration for one test, and their exports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, CallbackT, NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, SamplingResult

from otel_breaker.telemetry.traces import timed_span
from tests.telemetry.durations import Durations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics.export import Metric
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    from otel_breaker.telemetry.metrics import MetricRegistry


@dataclass
class Start:
    """The arguments of a sampler for one span."""

    name: str
    kind: SpanKind | None
    attributes: dict[str, Any]
    links: list[Link]


@dataclass
class WatchingSampler(Sampler):
    """Samples as another sampler does, and records its own arguments."""

    behind: Sampler = ALWAYS_ON
    starts: list[Start] = field(default_factory=list)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        self.starts.append(Start(name, kind, dict(attributes or {}), list(links or ())))
        return self.behind.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return "WatchingSampler"


class MakeSdk(Protocol):
    def __call__(self, sampler: Sampler = ALWAYS_ON, *processors: SpanProcessor) -> Callable[[], list[ReadableSpan]]:
        """Set up an SDK; returns a function that returns the finished spans."""


@pytest.fixture
def make_sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeSdk]:
    providers: list[TracerProvider] = []

    def make(sampler: Sampler = ALWAYS_ON, *processors: SpanProcessor) -> Callable[[], list[ReadableSpan]]:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, resource=Resource.get_empty(), shutdown_on_exit=False)
        for processor in (*processors, SimpleSpanProcessor(exporter)):
            provider.add_span_processor(processor)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        providers.append(provider)
        return lambda: list(exporter.get_finished_spans())

    yield make
    for provider in providers:
        provider.shutdown()


class Metrics:
    """A reader of the metrics of all breakers that a test makes."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def collect(self) -> dict[str, Metric]:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, metric: str, *attributes: str) -> dict[tuple[Any, ...], Any]:
        """The values of a metric in a new collection, except zeros, by some of its attributes."""
        points = self.all_points(metric)
        return {
            tuple(found[f"circuit_breaker.{name}"] for name in attributes): value for found, value in points if value
        }

    def all_points(self, metric: str) -> list[tuple[dict[str, Any], Any]]:
        points: Any = self.collect()[metric].data.data_points
        return [(dict(point.attributes), point.value) for point in points]


class Meters(Protocol):
    def __call__(self, *, views: Sequence[View] = (), **temporality: Any) -> Metrics: ...


@pytest.fixture
def make_metrics(metric_registry: MetricRegistry) -> Iterator[Meters]:
    """Readers of that registry, each with a provider of its own."""
    providers: list[MeterProvider] = []

    def make(*, views: Sequence[View] = (), **options: Any) -> Metrics:
        reader = InMemoryMetricReader(**options)
        provider = MeterProvider([reader], Resource.get_empty(), shutdown_on_exit=False, views=views)
        providers.append(provider)
        metric_registry.use_meter(provider.get_meter("otel_breaker"))
        return Metrics(reader)

    yield make
    for provider in providers:
        provider.shutdown()


@pytest.fixture
def metrics(make_metrics: Meters) -> Metrics:
    return make_metrics()


class ManualMeter(NoOpMeter):
    """A meter whose instruments a test observes one by one, in any order, as an SDK may."""

    def __init__(self) -> None:
        super().__init__("manual")
        self._callbacks: dict[str, Any] = {}

    def observe(self, metric: str) -> dict[str, Any]:
        """The sums of a metric's points, by their last attribute except the mode."""
        sums: Counter[str] = Counter()
        for point in self._callbacks[metric](CallbackOptions()):
            attributes = dict(point.attributes or {})
            attributes.pop("circuit_breaker.mode", None)
            sums[str(list(attributes.values())[-1])] += int(point.value)
        return dict(+sums)

    def observe_all(self) -> None:
        for metric in self._callbacks:
            self.observe(metric)

    def _keep(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> Any:
        [self._callbacks[name]] = callbacks or ()

    create_observable_counter = create_observable_up_down_counter = create_observable_gauge = _keep


@pytest.fixture
def manual_meter(metric_registry: MetricRegistry) -> ManualMeter:
    meter = ManualMeter()
    metric_registry.use_meter(meter)
    return meter


@pytest.fixture
def durations(monkeypatch: pytest.MonkeyPatch) -> Iterator[Durations]:
    durations = Durations()
    monkeypatch.setattr(timed_span, "perf_counter", durations.clock)
    yield durations
    durations.provider.shutdown()
