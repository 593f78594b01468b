"""Real exports with errors in them: the commands report what they skip, and never fail otherwise."""

from __future__ import annotations

import gzip
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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

import otel_breaker
from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker_cli.main import main
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

RESOURCE = Resource({"service.name": "shop", "service.instance.id": "one"})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Documents of every signal: an outage of a breaker that refuses and of one in shadow mode."""
    folder = tmp_path_factory.mktemp("exported")
    files = [folder / f"{signal}.jsonl" for signal in ("traces", "logs", "metrics")]
    tracers = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(FileSpanExporter(files[0])))
    loggers = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(files[1])))
    reader = PeriodicExportingMetricReader(FileMetricExporter(files[2]), export_interval_millis=3_600_000)
    meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trace, "_TRACER_PROVIDER", tracers)
        patched.setattr(_logs._internal, "_LOGGER_PROVIDER", loggers)
        otel_breaker.configure(meter_provider=meters)
        for mode in ("enforce", "shadow"):
            _outage(mode)
        meters.force_flush()
        otel_breaker.configure(meter_provider=None)
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def _outage(mode: Literal["enforce", "shadow"]) -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(f"payments {mode}", mode=mode, failure_threshold=2, recovery_time=30, clock=clock)
    for error in (OSError(), OSError(), None, OSError(), None):
        try:
            with trace.get_tracer("shop").start_as_current_span("POST /checkout"), breaker.guard():
                clock.advance(20)
                if error:
                    raise error
        except (OSError, CircuitOpenError):
            pass


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text()
    | st.sampled_from(["Infinity", "NaN", "1e400", "-1", "\x1b[2J", "\ud800", "a" * 5_000, "9" * 30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
LAYOUTS = st.sampled_from(["lines", "document", "array"])


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    steps = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, inner in steps:
        yield (*path, step)
        yield from paths(inner, (*path, step))


def serialized(documents: list[Any], layout: str) -> bytes:
    if layout == "array":
        return json.dumps(documents, indent=2).encode()
    return "\n".join(json.dumps(document, indent=None if layout == "lines" else 2) for document in documents).encode()


def run_all(file: Path) -> tuple[str, str]:
    """The output and errors of all commands for a file; a command may fail only by its exit status."""
    output, errors = io.TextIOWrapper(io.BytesIO(), "ascii"), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        for command in (
            ["incident", str(file)],
            ["incident", "--answers", str(file)],
            ["incident", "--html", "-", str(file)],
            ["telemetry-check", str(file)],
        ):
            assert main(command) in (0, 1, 2)
    output.seek(0)
    return output.buffer.read().decode(), errors.getvalue()


@settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck])
@given(data=st.data(), layout=LAYOUTS)
def test_a_bad_value_anywhere_in_an_export_makes_no_command_crash(
    exported: list[Any], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, layout: str
) -> None:
    documents = json.loads(json.dumps(exported))
    for _ in range(data.draw(st.integers(1, 4))):
        *path, last = data.draw(st.sampled_from(list(paths(documents))))
        owner = documents
        for step in path:
            owner = owner[step]
        owner[last] = data.draw(ANYTHING)
    file = tmp_path_factory.mktemp("broken") / "export.json"
    file.write_bytes(serialized(documents, layout))

    output, errors = run_all(file)

    assert "\x1b" not in output + errors


@settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck])
@given(data=st.data(), layout=LAYOUTS, put=st.binary(max_size=20), compress=st.booleans())
def test_bytes_that_are_lost_or_added_anywhere_make_no_command_crash(
    exported: list[Any],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    layout: str,
    put: bytes,
    *,
    compress: bool,
) -> None:
    content = serialized(exported, layout)
    content = gzip.compress(content, mtime=0) if compress else content
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 2_000)))
    file = tmp_path_factory.mktemp("broken") / "export.json"
    file.write_bytes(content[:start] + put + content[end:])

    output, errors = run_all(file)

    assert "\x1b" not in output + errors


@pytest.mark.parametrize("layout", ["lines", "document", "array"])
def test_an_export_without_errors_has_the_same_output_in_every_layout(
    exported: list[Any], tmp_path: Path, layout: str
) -> None:
    for kind in ("lines", layout):
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / "export.json").write_bytes(serialized(exported, kind))

    output, errors = run_all(tmp_path / layout)

    assert errors == ""
    assert (output, errors) == run_all(tmp_path / "lines")
    assert "violations: 0" in output
    assert "payments shadow in shadow mode of shop, instance one" in output


ATTRIBUTES = ("resourceSpans", 0, "scopeSpans", 0, "spans", 0, "attributes")
POINT = ("resourceMetrics", 0, "scopeMetrics", 0, "metrics", 0)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, None, {"a": 1}, [[]], True, "1e400", "\x1b[2J"])
@pytest.mark.parametrize(
    "path",
    [
        ("resourceSpans", 0, "scopeSpans", 0, "spans", 0, "startTimeUnixNano"),
        ("resourceSpans", 0, "scopeSpans", 0, "spans", 0, "name"),
        (*ATTRIBUTES, 0, "key"),
        (*ATTRIBUTES, 0, "value"),
        ATTRIBUTES,
        (*POINT, "name"),
        (*POINT, "sum"),
        ("resourceLogs", 0, "scopeLogs", 0, "logRecords", 0, "timeUnixNano"),
        ("resourceLogs", 0, "resource", "attributes"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_one_bad_value_is_reported_and_the_rest_is_shown(
    exported: list[Any], tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    documents = json.loads(json.dumps(exported))
    broken = next(document for document in documents if path[0] in document)
    *steps, last = path
    for step in steps:
        broken = broken[step]
    broken[last] = value
    file = tmp_path / "export.json"
    file.write_bytes(serialized(documents, "document"))

    output, errors = run_all(file)

    assert output.count("payments enforce of shop, instance one") > 5
    assert all(f"{file}:" in line and line.endswith(" (skipped)") for line in errors.splitlines())
