"""Each question of docs/oncall.md is answered on exported telemetry, and its queries ask for what is emitted.

Whether Prometheus, Tempo and Jaeger answer them is asked of the real ones elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
import requests
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from otel_breaker.core.states import Outcome, RejectionReason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names
from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.otlp import SkippedPart, read
from tests.docs.oncall import DOCUMENT, INSTANCE, Section, form, sections, shown

if TYPE_CHECKING:
    from pathlib import Path

    from otel_breaker_cli.incident.model import Incident
    from tests.fakes import FakeClock

LANGUAGES: Final = ("promql", "traceql", "logfmt")

# Prometheus's names: dots are underscores, a counter ends in _total, and a unit comes before that.
METRICS: Final = {
    names.METRIC_CALLS.replace(".", "_") + "_total",
    names.METRIC_STATE_CHANGES.replace(".", "_") + "_total",
    names.METRIC_STATUS.replace(".", "_"),
    names.METRIC_STATE_TIME.replace(".", "_") + "_seconds_total",
    names.METRIC_PROBES.replace(".", "_") + "_total",
    names.METRIC_TRIP_RATIO.replace(".", "_"),
    names.METRIC_SHADOW_CALLS.replace(".", "_") + "_total",
    names.METRIC_TARGETS.replace(".", "_"),
    names.METRIC_CONCURRENCY_LIMIT.replace(".", "_"),
    names.METRIC_CONCURRENCY_IN_FLIGHT.replace(".", "_"),
}
ATTRIBUTES: Final = {
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str) and not name.startswith(("METRIC_", "EVENT_", "SCOPE"))
}
STATES: Final = {state.value for state in CircuitState}
OUTCOMES: Final = {outcome.value for outcome in Outcome}
MEMBERS: Final = {
    names.STATE: STATES,
    names.STATE_CHANGE_FROM: STATES,
    names.STATE_CHANGE_TO: STATES,
    names.CALL_OUTCOME: OUTCOMES,
    names.REJECTION_REASON: {reason.value for reason in RejectionReason},
    names.PROBE_OUTCOME: OUTCOMES | {"timeout"},
    names.TARGET_STATUS: {"guarded", "pending", "missing", "refused"},
    names.MODE: {mode.value for mode in Mode},
    names.SHADOW_REJECTED: {"true", "false"},
}


SECTIONS: Final = sections()
QUERIES: Final = [
    pytest.param(language, query, id=f"{section.anchor}-{language}")
    for section in SECTIONS
    for language in LANGUAGES
    for query in section.blocks(language)
]


def test_the_document_asks_the_questions_that_are_answered_in_their_order() -> None:
    assert [(section.anchor, section.question) for section in SECTIONS] == [
        (question.anchor, question.text) for question in QUESTIONS
    ]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.anchor)
def test_each_question_has_a_query_and_shows_the_demo(section: Section) -> None:
    assert section.blocks(*LANGUAGES)
    assert len(section.blocks("text")) == 1


def test_no_query_is_without_its_section() -> None:
    assert len(QUERIES) == len(re.findall(rf"^```(?:{'|'.join(LANGUAGES)})$", DOCUMENT.read_text(), re.MULTILINE))


@pytest.mark.parametrize(("language", "query"), QUERIES)
def test_a_query_asks_for_names_that_are_emitted(language: str, query: str) -> None:
    asked = attributes(language, query)

    assert asked
    assert asked - ATTRIBUTES == set()
    if language == "promql":
        assert metrics(query)
        assert metrics(query) - METRICS == set()


@pytest.mark.parametrize(("language", "query"), QUERIES)
def test_a_query_asks_for_values_that_there_are(language: str, query: str) -> None:
    unknown = [
        (attribute, value)
        for attribute, values in compared(language, query)
        for value in values
        if attribute in MEMBERS and value not in MEMBERS[attribute]
    ]

    assert unknown == []


_LABELS: Final = r"\{[^}]*\}|(?:by|on) \([^)]*\)"
"""Where PromQL has labels: in matchers, and in what it groups or joins by. All else of ours are metrics."""


def metrics(query: str) -> set[str]:
    outside = re.sub(_LABELS, "", query)
    return set(re.findall(r"\bcircuit_breaker_\w+", outside))


def attributes(language: str, query: str) -> set[str]:
    if language == "promql":
        inside = " ".join(re.findall(_LABELS, query))
        by_label = {name.replace(".", "_"): name for name in ATTRIBUTES}
        return {
            by_label.get(label, label) for label in re.findall(r"\bcircuit_breaker_\w+", re.sub('"[^"]*"', "", inside))
        }
    if language == "traceql":
        return set(re.findall(r"\b(?:span|event)\.([a-z_.]+)", query))
    return set(re.findall(r"([a-z_.]+)=", query))


def compared(language: str, query: str) -> list[tuple[str, list[str]]]:
    """What is compared with which values."""
    if language == "logfmt":
        return [(name, [value]) for name, value in re.findall(r"([a-z_.]+)=(\S+)", query)]
    found = re.findall(r'([a-z_.]+)\s*(?:!=|=~|=)\s*"([^"]*)"', query)
    by_label = {name.replace(".", "_"): name for name in ATTRIBUTES}
    plain = [(name.removeprefix("span.").removeprefix("event."), value.split("|")) for name, value in found]
    return [(by_label.get(name, name), values) for name, values in plain]


@pytest.fixture
def incident(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Incident:
    """The demo's outage in small: the engine, the SDK and its file exporters are real."""
    resource = Resource({"service.name": "shop", "service.instance.id": INSTANCE})
    files = [tmp_path / f"{signal}.jsonl" for signal in ("traces", "logs", "metrics")]
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(FileSpanExporter(files[0])))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(files[1])))
    reader = PeriodicExportingMetricReader(FileMetricExporter(files[2]), export_interval_millis=3_600_000)
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", loggers)
    breaker = CircuitBreaker("payments", failure_threshold=3, recovery_time=5, clock=clock)

    def checkout(error: Exception | None) -> None:
        with tracers.get_tracer("shop").start_as_current_span("POST /checkout", kind=trace.SpanKind.SERVER):
            try:
                with breaker.guard():
                    if error:
                        raise error
            except (requests.HTTPError, CircuitOpenError):
                pass

    for error in (*[requests.HTTPError()] * 3, None, None):
        checkout(error)
    for error in (requests.HTTPError(), None):
        clock.advance(6)
        checkout(error)
    meter = meters.get_meter(names.SCOPE)
    ratio = meter.create_gauge(names.METRIC_TRIP_RATIO)
    for value in (1, 0):
        ratio.set(value, {names.NAME: "payments"})
        meters.force_flush()
    targets = meter.create_up_down_counter(names.METRIC_TARGETS)
    for status, count in (("guarded", 2), ("pending", 0), ("missing", 0), ("refused", 0)):
        targets.add(count, {names.TARGET_STATUS: status})
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    return collect(list(read(files, on_skip=refuse)))


def refuse(broken: SkippedPart) -> None:
    raise AssertionError(str(broken))


def test_every_question_is_answered_on_exported_telemetry_as_the_document_shows(incident: Incident) -> None:
    assert {question.text: form("\n".join(question.answer(incident))) for question in QUESTIONS} == shown()
