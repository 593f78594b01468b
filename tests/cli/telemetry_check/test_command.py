"""`otel-breaker telemetry-check` on files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otel_breaker_cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
CALL = {
    "circuit_breaker.name": "payments",
    "circuit_breaker.state": "closed",
    "circuit_breaker.call.outcome": "success",
}


def line(**attributes: str) -> str:
    pairs = [{"key": name, "value": {"stringValue": value}} for name, value in {**CALL, **attributes}.items()]
    fields = {"traceId": TRACE_ID, "spanId": SPAN_ID, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    span = {**fields, "name": "circuit_breaker payments", "kind": 1, "attributes": pairs}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scope = {"scope": {"name": "otel_breaker"}, "spans": [span]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}) + "\n"


def test_a_violation_is_printed_once_with_its_count_and_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text(line() + line(stray="a"))
    two.write_text(line(stray="b"))

    status = main(["telemetry-check", str(one), str(two)])

    assert status == 1
    assert capsys.readouterr().out == (
        "span 'circuit_breaker {circuit_breaker.name}': the attribute 'stray' is unknown"
        f" (2 x, first in service 'shop': trace {TRACE_ID}, span {SPAN_ID})\n"
        "violations: 1, in 3 spans, log records and metric points\n"
    )


def test_files_without_a_violation_exit_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.jsonl"
    file.write_text(line())

    assert main(["telemetry-check", str(file)]) == 0
    assert capsys.readouterr().out == "violations: 0, in 1 spans, log records and metric points\n"


def test_a_broken_line_is_named_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.jsonl"
    file.write_text("{\n" + line())

    assert main(["telemetry-check", str(file)]) == 0
    assert f"{file}:1: " in capsys.readouterr().err


def test_files_without_any_of_our_telemetry_cannot_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "telemetry.jsonl"
    file.write_text(line().replace('"otel_breaker"', '"shop"'))

    assert main(["telemetry-check", str(file)]) == 2
    assert capsys.readouterr().err == "otel-breaker: there is no telemetry of the scope otel_breaker in it\n"


def test_text_of_telemetry_is_bounded_and_printable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.jsonl"
    file.write_text(line(**{"\x1b[2J" + "a" * 10_000: "b"}) + line(**{"circuit_breaker.state": "c" * 10_000}))

    assert main(["telemetry-check", str(file)]) == 1

    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert len(output) < 1_500


def test_the_number_of_kinds_of_violations_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.jsonl"
    file.write_text("".join(line(**{f"stray{number}": "a"}) for number in range(1_100)))

    assert main(["telemetry-check", str(file)]) == 1

    *_, others, count = capsys.readouterr().out.splitlines()
    assert others.startswith("further violations of other kinds (100 x, ")
    assert count.startswith("violations: 1001, ")


def test_a_pretty_printed_document_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.json"
    file.write_text(json.dumps([json.loads(line()), json.loads(line(stray="a"))], indent=2))

    assert main(["telemetry-check", str(tmp_path)]) == 1
    assert "violations: 1, in 2 spans" in capsys.readouterr().out
