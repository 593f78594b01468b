"""The telemetry of all scenarios and the schema agree: each contains all of the other."""

from __future__ import annotations

import math
import os
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import format_span_id

from otel_breaker import configure
from otel_breaker.telemetry.names import CALL_OUTCOME, SCOPE
from otel_breaker.testing import fake_clock, reset
from otel_breaker_cli.main import main
from otel_breaker_cli.otlp import Span, read
from otel_breaker_cli.semconv_registry import load
from otel_breaker_cli.telemetry_check.live_check import LiveCheck
from otel_breaker_instrumentation.targets import TARGET_REPORTER
from otel_breaker_instrumentation.targets import metric as targets
from tests.reset import reset_process_state
from tests.telemetry.behaviour import SCENARIOS, targets_of_every_kind
from tests.telemetry.schema_use import in_records, in_schema

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span as SdkSpan

    from otel_breaker_cli.otlp import TelemetryRecord

pytestmark = pytest.mark.slow

SCHEMA = load()


class Starts(SpanProcessor):
    """The attributes that each span, by its id, had at its start."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        self.names[format_span_id(span.get_span_context().span_id)] = set(span.attributes or ())


@pytest.fixture(scope="module")
def starts() -> Starts:
    return Starts()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, starts: Starts) -> Path:
    """The telemetry of all scenarios, written by the official exporters."""
    file = tmp_path_factory.mktemp("exported") / "telemetry.jsonl"
    traces, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    traces.add_span_processor(starts)
    traces.add_span_processor(SimpleSpanProcessor(FileSpanExporter(file)))
    logs.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(file)))
    reader = PeriodicExportingMetricReader(FileMetricExporter(file), export_interval_millis=math.inf)
    metrics = MeterProvider([reader], shutdown_on_exit=False)
    targets.create_instrument(metrics.get_meter(SCOPE), TARGET_REPORTER.count)
    with pytest.MonkeyPatch.context() as monkeypatch, fake_clock() as clock:
        for name in [name for name in os.environ if name.startswith("OTEL_")]:
            monkeypatch.delenv(name)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", traces)
        monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", logs)
        reset_process_state(monkeypatch)
        configure(meter_provider=metrics)
        reset()
        # Each in a context of its own: some leave a call in flight, whose span would stay the current one.
        kept = [copy_context().run(scenario, clock) for scenario in SCENARIOS]
        with targets_of_every_kind():
            metrics.force_flush()
        kept.clear()
        reset()
    for provider in (traces, logs, metrics):
        provider.shutdown()
    return file


@pytest.fixture(scope="module")
def records(file: Path) -> list[TelemetryRecord]:
    def broken(line: object) -> None:
        pytest.fail(str(line))

    return list(read([file], on_skip=broken))


def test_only_what_the_schema_defines_is_exported(records: list[TelemetryRecord]) -> None:
    live_check = LiveCheck(SCHEMA)

    for record in records:
        live_check.check(record)

    assert [str(violation) for violation in live_check.violations] == []


def test_everything_in_the_schema_is_exported(records: list[TelemetryRecord]) -> None:
    unused = in_schema(SCHEMA) - in_records(records, SCHEMA)

    assert sorted(unused) == []


def test_samplers_see_the_attributes_that_the_schema_promises_them(
    records: list[TelemetryRecord], starts: Starts
) -> None:
    (known,) = SCHEMA.spans.values()
    relevant = {attribute.name for attribute in known.attributes.values() if attribute.sampling_relevant}
    late = set()

    for span in (record for record in records if isinstance(record, Span) and record.source.scope == SCOPE):
        missed = relevant & set(span.attributes) - starts.names[span.span_id]
        if span.attributes[CALL_OUTCOME] != "rejected":
            missed -= {CALL_OUTCOME}  # not known before the end
        late |= missed

    assert late == set()


def test_the_command_finds_nothing_wrong_with_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["telemetry-check", str(file)]) == 0

    assert capsys.readouterr().out.startswith("violations: 0, in ")
