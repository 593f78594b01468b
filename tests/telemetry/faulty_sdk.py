"""Parts of an SDK that raise or return invalid values, each set up by a function of its own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, context, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import TracerProvider as AnyTracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def broken(*args: Any, **kwargs: Any) -> Any:
    raise OSError("faulty")


def returning(answer: object) -> Callable[..., Any]:
    return lambda *args, **kwargs: answer


def faulty(kind: type, **methods: Any) -> Any:
    """A subclass whose abstract methods raise, except the ones that are given."""
    return type("Faulty", (kind,), {**dict.fromkeys(getattr(kind, "__abstractmethods__", ()), broken), **methods})


class FailingAfter:
    """Works for a number of calls, and raises in all later ones."""

    def __init__(self, times: int, method: Callable[..., Any]) -> None:
        self._left = times
        self._method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        return self._method(*args, **kwargs) if self._left >= 0 else broken()


class FailingSpan:
    """A real span, one of whose methods raises after some calls."""

    def __init__(self, span: trace.Span, method: str, times: int) -> None:
        self._span = span
        setattr(self, method, FailingAfter(times, getattr(span, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)


class FailingTracer:
    def __init__(self, tracer: trace.Tracer, method: str, times: int) -> None:
        self._tracer = tracer
        self._turn = (method, times)

    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        return FailingSpan(self._tracer.start_span(*args, **kwargs), *self._turn)


def tracing(processor: SpanProcessor | None = None, **options: Any) -> Any:
    def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
        provider = TracerProvider(**options, resource=Resource.get_empty(), shutdown_on_exit=False)
        if processor is not None:
            provider.add_span_processor(processor)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    return set_up


def tracer(**methods: Any) -> Any:
    """A provider without an SDK, whose tracer has the given methods."""
    made = faulty(trace.Tracer, **methods)()
    provider = faulty(AnyTracerProvider, get_tracer=returning(made))()
    return lambda monkeypatch: monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)


def span(**methods: Any) -> Any:
    return tracer(start_span=returning(faulty(trace.Span, **methods)()))


def failing(method: str, times: int) -> Any:
    def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
        real = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False).get_tracer("real")
        provider = faulty(AnyTracerProvider, get_tracer=returning(FailingTracer(real, method, times)))()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    return set_up


def ids(make: Callable[..., Any]) -> Any:
    return tracing(id_generator=faulty(IdGenerator, generate_span_id=make, generate_trace_id=make)())


def sampler(answer: Callable[..., Any]) -> Any:
    return tracing(sampler=faulty(Sampler, should_sample=answer, get_description=returning("faulty"))())


def exporter(export: Callable[..., Any]) -> Any:
    return tracing(processor=SimpleSpanProcessor(faulty(SpanExporter, export=export)()))


def caller_span(get_span_context: Callable[..., Any]) -> Any:
    """The caller's own span is faulty; set up in a copy of the context."""

    def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
        own = faulty(trace.Span, get_span_context=get_span_context, is_recording=broken)()
        context.attach(trace.set_span_in_context(own))
        provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    return set_up


def logs(*, processor: Any = None, **provider_methods: Any) -> Any:
    def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
        provider: Any
        if processor is None:
            provider = faulty(_logs.LoggerProvider, **provider_methods)()
        else:
            provider = LoggerProvider(shutdown_on_exit=False)
            provider.add_log_record_processor(processor)
        monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)

    return set_up


def meters(**methods: Any) -> Any:
    def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
        provider = faulty(metrics.MeterProvider, **methods)()
        monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", provider)

    return set_up


def every_method(answer: Callable[..., Any]) -> dict[str, Any]:
    return dict.fromkeys((name for name in dir(trace.Span) if not name.startswith("_")), answer)


VALID = trace.SpanContext(1, 1, is_remote=False, trace_flags=trace.TraceFlags(1))

PARTS: dict[str, Any] = {
    "processor raises at start": tracing(processor=faulty(SpanProcessor, on_start=broken)()),
    "processor raises at end": tracing(processor=faulty(SpanProcessor, on_end=broken)()),
    "sampler raises": sampler(broken),
    "sampler answers nothing": sampler(returning(None)),
    "sampler answers text": sampler(returning("RECORD_AND_SAMPLE")),
    "ids raise": ids(broken),
    "ids are nothing": ids(returning(None)),
    "ids are text": ids(returning("7")),
    "ids are zero": ids(returning(0)),
    "ids are too large": ids(returning(1 << 200)),
    "ids are negative": ids(returning(-1)),
    "exporter raises": exporter(broken),
    "exporter answers text": exporter(returning("SUCCESS")),
    "no tracer": lambda monkeypatch: monkeypatch.setattr(
        trace, "_TRACER_PROVIDER", faulty(AnyTracerProvider, get_tracer=returning(None))()
    ),
    "tracer cannot be had": lambda monkeypatch: monkeypatch.setattr(
        trace, "_TRACER_PROVIDER", faulty(AnyTracerProvider)()
    ),
    "provider is no provider": lambda monkeypatch: monkeypatch.setattr(trace, "_TRACER_PROVIDER", object()),
    "tracer raises": tracer(start_span=broken),
    "tracer starts nothing": tracer(start_span=returning(None)),
    "tracer starts a thing": tracer(start_span=returning(object())),
    "span raises": span(**every_method(broken)),
    "span answers nothing": span(**every_method(returning(None))),
    "span answers text": span(**every_method(returning("text"))),
    "span is recording, and has no context": span(is_recording=returning(True), get_span_context=returning(None)),
    "span is recording, and knows nothing else": span(is_recording=returning(True), get_span_context=returning(VALID)),
    "span's context raises": span(is_recording=returning(False), get_span_context=broken),
    **{
        f"span's {method} fails after {times}": failing(method, times)
        for method, times in itertools.product(("get_span_context", "is_recording", "set_attributes", "end"), range(3))
    },
    "caller's span has no context": caller_span(returning(None)),
    "caller's span raises": caller_span(broken),
    "log processor raises": logs(processor=faulty(LogRecordProcessor, on_emit=broken)()),
    "logger cannot be had": logs(get_logger=broken),
    "no logger": logs(get_logger=returning(None)),
    "logger raises": logs(get_logger=returning(faulty(_logs.Logger, enabled=broken, emit=broken)("faulty"))),
    "meter cannot be had": meters(get_meter=broken),
    "no meter": meters(get_meter=returning(None)),
    "meter raises": meters(get_meter=returning(faulty(metrics.Meter)("faulty"))),
}
