"""The demo with the async shop, shortened: the same results, and no request gets the context of another."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.checkout import results
from otel_breaker_cli.otlp import DataPoint, SkippedPart, Span, read

pytestmark = pytest.mark.processes

COMMAND = [sys.executable, "-m", "examples.checkout", "--async", "--healthy", "1", "--down", "2", "--recovered", "6"]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    printed: str
    spans: list[Span]
    points: list[DataPoint]

    @property
    def calls(self) -> list[Span]:
        """The spans of the guarded calls, in the order in which they began."""
        calls = [span for span in self.spans if span.name == "circuit_breaker payments"]
        return sorted(calls, key=lambda span: span.start)

    def with_outcome(self, outcome: str) -> list[Span]:
        return [span for span in self.calls if span.attributes[results.OUTCOME] == outcome]

    @property
    def requests(self) -> dict[str, Span]:
        return {span.span_id: span for span in self.spans if span.kind == "server"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("async")
    done = subprocess.run(
        [*COMMAND, "--output", folder], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    skipped: list[SkippedPart] = []
    records = list(
        read([folder / "with-breaker" / f"{kind}.jsonl" for kind in ("traces", "metrics")], on_skip=skipped.append)
    )
    assert skipped == []
    return Demo(
        done.stdout,
        [record for record in records if isinstance(record, Span)],
        [record for record in records if isinstance(record, DataPoint)],
    )


def max_concurrent(spans: list[Span]) -> int:
    """The largest number of spans that were open at one time."""
    edges = sorted([(span.start, 1) for span in spans] + [(span.end, -1) for span in spans])
    open_now = maximum = 0
    for _, step in edges:
        open_now += step
        maximum = max(maximum, open_now)
    return maximum


def test_the_results_are_printed(demo: Demo) -> None:
    assert "opentelemetry-instrument python -m examples.checkout.async_shop" in demo.printed
    assert "circuit closed → open  (failure_threshold, 3 failures in a row)" in demo.printed
    assert "circuit half_open → closed  (probe_succeeded, " in demo.printed


def test_only_the_awaited_function_was_guarded(demo: Demo) -> None:
    functions = {span.attributes["code.function.name"] for span in demo.calls}

    assert functions == {"examples.checkout.payments.AsyncPaymentClient.charge"}


def test_the_trip_has_its_evidence(demo: Demo) -> None:
    opened = next(change for change in results.state_changes(demo.spans) if change.to_state == "open")

    assert (opened.from_state, opened.reason) == ("closed", "failure_threshold")
    assert opened.evidence["circuit_breaker.consecutive_failures"] == 3
    assert opened.evidence["circuit_breaker.error_types"] == ["aiohttp.client_exceptions.ClientResponseError=3"]
    assert 4 <= opened.evidence["circuit_breaker.open.planned_duration"] <= 6


def test_refusals_and_probes_link_to_the_call_that_opened_the_circuit(demo: Demo) -> None:
    openings = {
        (span.trace_id, span.span_id)
        for span in demo.calls
        if span.attributes.get("circuit_breaker.state_change.to") == "open"
    }
    probes = [span for span in demo.calls if span.attributes["circuit_breaker.state"] == "half_open"]
    linked = [*demo.with_outcome("rejected"), *probes]

    assert demo.with_outcome("rejected")
    assert probes
    assert {(link.trace_id, link.span_id) for span in linked for link in span.links} <= openings
    assert {len(span.links) for span in linked} == {1}


def test_the_recovery_has_the_totals_of_the_episode(demo: Demo) -> None:
    closed = results.state_changes(demo.spans)[-1]
    refused = [span for span in demo.with_outcome("rejected") if span.end <= closed.time]

    assert (closed.from_state, closed.to_state, closed.reason) == ("half_open", "closed", "probe_succeeded")
    assert closed.evidence["circuit_breaker.open.rejected_calls"] == len(refused)
    assert closed.evidence["circuit_breaker.open.probes"] >= 1
    assert {span.attributes["circuit_breaker.episode"] for span in refused} == {
        closed.evidence["circuit_breaker.episode"]
    }


def test_the_metric_counts_the_spans(demo: Demo) -> None:
    counted = {outcome: count for outcome, count in results.calls(demo.points).items() if count}

    assert counted == {outcome: len(demo.with_outcome(outcome)) for outcome in counted}
    assert sum(counted.values()) == len(demo.calls)


def test_each_call_is_a_child_of_the_request_that_made_it_also_with_many_at_once(demo: Demo) -> None:
    parents = [demo.requests[span.parent_id] for span in demo.calls]

    assert max_concurrent(demo.calls) >= 5
    assert {parent.name for parent in parents} == {"POST /checkout"}
    assert len({parent.span_id for parent in parents}) == len(demo.calls)
    for parent, span in zip(parents, demo.calls, strict=True):
        assert parent.trace_id == span.trace_id
        assert parent.start <= span.start <= span.end <= parent.end


def test_the_clients_request_is_a_child_of_the_call_that_made_it(demo: Demo) -> None:
    admitted = {span.span_id: span for span in demo.calls if span.attributes[results.OUTCOME] != "rejected"}
    client_spans = [span for span in demo.spans if span.kind == "client"]

    assert sorted(span.parent_id for span in client_spans) == sorted(admitted)
    assert all(admitted[span.parent_id].trace_id == span.trace_id for span in client_spans)


def test_after_the_call_the_request_is_the_current_span_again(demo: Demo) -> None:
    responses = [span for span in demo.spans if span.name.endswith("http send")]

    assert responses
    assert {span.parent_id for span in responses} <= set(demo.requests)
