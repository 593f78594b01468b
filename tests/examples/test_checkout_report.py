import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from examples.checkout import report, results
from examples.checkout.run import Run
from examples.checkout.schedule import Phase, Schedule
from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from tests.examples import exported

START = 1_800_000_000_000_000_000


def rendered(content: RenderableType) -> str:
    output = io.StringIO()
    Console(width=80, file=output).print(content)
    return output.getvalue()


def test_the_timeline_has_circuit_and_provider_on_one_clock(traces: Path) -> None:
    run = Run(traces.parent, Schedule(healthy=0.5, down=4, recovered=2), START, [], {})
    lines = rendered(report.timeline(run, results.state_changes(exported.spans(traces)))).splitlines()
    assert [line.split("  ", 1)[0].strip() for line in lines] == [
        "0.00 s",
        "0.50 s",
        "1.00 s",
        "4.50 s",
        "6.00 s",
        "6.00 s",
    ]
    assert "slow and failing" in lines[1]
    assert "closed → open  (failure_threshold)" in lines[2]
    assert "half_open → closed  (probe_succeeded)" in lines[5]


def test_the_timeline_has_the_change_of_the_operator() -> None:
    run = Run(Path(), Schedule(healthy=3, down=4, recovered=2), START, [], {}, changed_at=1)
    lines = rendered(report.timeline(run, [])).splitlines()
    assert lines[1].strip() == "1.00 s  the operator changes failure_threshold from 5 to 3, in breakers.yaml"


def test_a_state_change_is_printed_with_its_evidence() -> None:
    run = Run(Path(), Schedule(), START, [], {})
    opened = results.ExportedStateChange(
        START, "closed", "open", "failure_threshold", {"circuit_breaker.consecutive_failures": 5}
    )
    closed = results.ExportedStateChange(
        START, "half_open", "closed", "probe_succeeded", {"circuit_breaker.open.rejected_calls": 128}
    )
    text = rendered(report.timeline(run, [opened, closed]))
    assert "closed → open  (failure_threshold, 5 failures in a row)" in text
    assert "half_open → closed  (probe_succeeded, 128 calls refused)" in text


def test_a_refused_trace_is_printed_with_its_attributes_and_its_cause(traces: Path) -> None:
    refusal = results.refusal(exported.spans(traces))
    assert refusal
    text = rendered(report.refused_trace(refusal))
    assert "circuit_breaker.call.outcome = rejected" in text
    assert f"span = {refusal.cause.span_id}" in text
    assert "2.50 s earlier" in text
    assert f"trace {refusal.cause.trace_id}" in text
    assert "circuit_breaker.state_change.reason = failure_threshold" in text


def test_no_id_is_broken_in_eighty_columns(traces: Path) -> None:
    refusal = results.refusal(exported.spans(traces))
    assert refusal
    lines = rendered(report.refused_trace(refusal)).splitlines()
    for identity in (refusal.span.trace_id, refusal.cause.trace_id, refusal.cause.span_id):
        assert any(identity in line for line in lines)


def test_both_runs_are_compared_line_by_line() -> None:
    slow = results.Impact(2.0, 3.5, checkouts=10, checkouts_failed=6, products_p50=1.5, provider_requests=80)
    quick = results.Impact(0.005, 1.1, checkouts=10, checkouts_failed=10, products_p50=0.003, provider_requests=14)
    text = rendered(report.comparison(slow, quick))
    for first, second in (("2.00 s", "5.0 ms"), ("3.50 s", "1.10 s"), ("80", "14"), ("6 of 10", "10 of 10")):
        assert any(line.split(first)[-1].strip() == second for line in text.splitlines() if first in line)


def test_the_files_of_both_runs_are_named(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").touch()
    run = Run(tmp_path, Schedule(), 0, [], {Phase.DOWN: 0})
    text = rendered(report.files(run)).replace("\n", "")
    assert "traces.jsonl" in text


@pytest.mark.parametrize(
    ("collector", "expected"),
    [(None, "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 make demo"), ("http://here:4318", "http://here:4318")],
)
def test_the_next_step_names_the_collector(collector: str | None, expected: str) -> None:
    assert expected in rendered(report.next_steps(collector))


def test_the_first_questions_are_answered_and_the_page_is_named(traces: Path, tmp_path: Path) -> None:
    text = rendered(report.oncall_answers(collect(exported.spans(traces)), tmp_path / "incident.html"))

    assert [question.text in text for question in QUESTIONS] == [True] * 4 + [False] * 7
    assert "incident.html" in text.replace("\n", "")
