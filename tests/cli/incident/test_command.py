"""The command on files of a real breaker, the real SDK and its file exporters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from otel_breaker_cli.main import main

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

    output = " ".join(capsys.readouterr().out.split())
    assert "payments of shop" in output
    assert "2 failures in a row, the threshold is 2" in output
    assert "3 calls refused" in output
    assert "tripped by POST /checkout" in output
    assert "1 failure, 1 success; 1 failed recovery" in output
    assert output.count("→") == 5


@pytest.mark.parametrize("index", [0, 1], ids=["traces", "logs"])
def test_either_signal_is_enough(exported: list[str], capsys: pytest.CaptureFixture[str], index: int) -> None:
    assert main(["incident", exported[index]]) == 0

    output = " ".join(capsys.readouterr().out.split())
    assert output.count("→") == 5
    assert "3 calls refused" in output


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

    output = capsys.readouterr().out
    assert "Which circuits are open, where, since when?" in output
    assert "Which configured targets are not guarded?" in output


def test_a_broken_line_is_named_once_and_the_rest_is_read(
    exported: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(exported[1]).open("a") as file:
        file.write("{broken\n")

    assert main(["incident", *exported]) == 0

    captured = capsys.readouterr()
    assert captured.err.count("logs.jsonl:6: ") == 1
    assert captured.out.count("→") == 5


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own, piped."""
    command = [sys.executable, "-m", "otel_breaker", "incident", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=60, **options)


@pytest.mark.processes
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_encoding_of_standard_output_works(exported: list[str], encoding: str) -> None:
    done = run(*exported, env=os.environ | {"PYTHONIOENCODING": encoding})

    assert (done.returncode, done.stderr) == (0, b"")
    output = done.stdout.decode(encoding)
    assert ("closed → open" if encoding == "utf-8" else "closed -> open") in output
    assert ("█" if encoding == "utf-8" else "##") in output


@pytest.mark.processes
def test_names_that_an_encoding_does_not_have_are_escaped(tmp_path: Path, exported: list[str]) -> None:
    file = tmp_path / "named.jsonl"
    file.write_text(Path(exported[0]).read_text().replace("payments", "café"))

    done = run(str(file), "--answers", env=os.environ | {"PYTHONIOENCODING": "ascii"})

    assert b"caf\\xe9 of shop" in done.stdout


@pytest.mark.processes
@pytest.mark.parametrize("form", [[], ["--answers"]])
def test_a_pipe_gets_lines_that_are_neither_wrapped_nor_padded(exported: list[str], form: list[str]) -> None:
    lines = run(*exported, *form).stdout.decode().splitlines()

    assert any("trace " in line and "span " in line and "failure after" in line for line in lines)
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.processes
def test_standard_input_and_output_are_minus(exported: list[str]) -> None:
    traces = Path(exported[0]).read_bytes()

    text = run("-", input=traces)
    page = run("-", "--html", "-", input=traces, env=os.environ | {"PYTHONIOENCODING": "ascii"})

    assert b"payments of shop" in text.stdout
    assert page.stdout.decode().startswith("<!DOCTYPE html>")
    assert page.stdout.decode().endswith("</html>")


def test_a_folder_is_read(exported: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", str(Path(exported[0]).parent)]) == 0
    assert "3 calls refused" in capsys.readouterr().out


def test_a_pretty_printed_document_is_read(
    exported: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pretty.json"
    file.write_text(
        "\n".join(json.dumps(json.loads(line), indent=2) for line in Path(exported[0]).read_text().splitlines())
    )

    assert main(["incident", str(file)]) == 0

    captured = capsys.readouterr()
    assert captured.err == ""
    assert "3 calls refused" in captured.out


def test_a_file_without_telemetry_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shop.log"
    file.write_text("a log\nof something else\n")

    assert main(["incident", str(file)]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("otel-breaker: there is no telemetry in it: it should be OTLP in JSON\n")


@pytest.mark.processes
@pytest.mark.timeout(20)
def test_a_named_pipe_that_nobody_writes_into_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert run(str(tmp_path / "pipe")).returncode == 2
