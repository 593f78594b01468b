"""The command on real files: a real engine, the real SDK and its file exporters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker_instrumentation.cli.main import main

if TYPE_CHECKING:
    from tests.fakes import FakeClock


@pytest.fixture
def exported(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An outage: two failures trip, three calls are refused, a probe fails, the next one succeeds."""
    resource = Resource({"service.name": "shop"})
    traces, logs = tmp_path / "traces.jsonl", tmp_path / "logs.jsonl"
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(FileSpanExporter(traces)))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(logs)))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", loggers)
    breaker = CircuitBreaker("payments", failure_threshold=2, recovery_time=30, clock=clock)

    def call(error: Exception | None) -> None:
        with tracers.get_tracer("shop").start_as_current_span("POST /checkout"):
            try:
                with breaker.guard():
                    if error:
                        raise error
            except (OSError, CircuitOpenError):
                pass

    for error in (OSError(), OSError(), None, None, None):
        call(error)
    for error in (OSError(), None):
        clock.advance(31)
        call(error)
    tracers.shutdown()
    loggers.shutdown()
    return [str(traces), str(logs)]


def test_the_report_is_printed(exported: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", *exported]) == 0

    told = " ".join(capsys.readouterr().out.split())
    assert "payments of shop" in told
    assert "2 failures in a row, the threshold is 2" in told
    assert "3 calls refused" in told
    assert "tripped by POST /checkout" in told
    assert "1 failure, 1 success; 1 failed recovery" in told
    assert told.count("→") == 5


@pytest.mark.parametrize("index", [0, 1], ids=["traces", "logs"])
def test_either_signal_is_enough(exported: list[str], capsys: pytest.CaptureFixture[str], index: int) -> None:
    assert main(["incident", exported[index]]) == 0

    told = " ".join(capsys.readouterr().out.split())
    assert told.count("→") == 5
    assert "3 calls refused" in told


def test_a_page_is_written_and_named(exported: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "incident.html"

    assert main(["incident", *exported, "--html", str(file)]) == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert "payments" in file.read_text()


def test_a_page_that_cannot_be_written_is_one_line(
    exported: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["incident", *exported, "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert capsys.readouterr().err.endswith("page.html: No such file or directory\n")


def test_the_questions_are_answered(exported: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", *exported, "--answers"]) == 0

    told = capsys.readouterr().out
    assert "Which circuits are open, where, since when?" in told
    assert "Which configured targets are not guarded?" in told


def test_a_broken_line_is_named_once_and_the_rest_is_read(
    exported: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(exported[1]).open("a") as file:
        file.write("{broken\n")

    assert main(["incident", *exported]) == 0

    captured = capsys.readouterr()
    assert captured.err.count("logs.jsonl:6: ") == 1
    assert captured.out.count("→") == 5
