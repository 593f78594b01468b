from pathlib import Path

import pytest

from examples.checkout import results
from examples.checkout.load import Sample
from examples.checkout.run import Run
from examples.checkout.schedule import Phase, Schedule
from tests.examples import exported

TRIPPED = results.ExportedStateChange(1, "closed", "open", "failure_threshold", {"circuit_breaker.threshold": 3.0})
TRIPPED_AT_OLD_THRESHOLD = results.ExportedStateChange(
    1, "closed", "open", "failure_threshold", {"circuit_breaker.threshold": 5.0}
)
CLOSED = results.ExportedStateChange(2, "half_open", "closed", "probe_succeeded", {})


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.99, 10), (0.0, 1), (1.0, 10)])
def test_a_percentile_is_the_value_of_the_nearest_rank(share: float, expected: float) -> None:
    assert results.percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_state_changes_are_in_order_of_time(traces: Path) -> None:
    changes = results.state_changes(reversed(exported.spans(traces)))
    assert [(change.from_state, change.to_state, change.reason) for change in changes] == [
        ("closed", "open", "failure_threshold"),
        ("open", "half_open", "recovery_time_elapsed"),
        ("half_open", "closed", "probe_succeeded"),
    ]


def test_the_refusal_shown_is_from_the_middle_of_the_opening(traces: Path) -> None:
    spans = exported.spans(traces)
    refused = [span for span in spans if span.attributes.get(results.OUTCOME) == "rejected"]
    refusal = results.refusal(spans)
    assert refusal
    assert refusal.span == refused[1]


def test_a_refused_trace_is_shown_with_its_cause(traces: Path) -> None:
    refusal = results.refusal(exported.spans(traces))
    assert refusal
    assert [span.name for span in refusal.trace] == ["POST /checkout", "circuit_breaker payments"]
    assert [span.name for span in refusal.cause_trace] == ["POST /checkout", "circuit_breaker payments"]
    assert results.state_changes(refusal.cause_trace)[0].to_state == "open"
    assert refusal.trace[0].trace_id != refusal.cause.trace_id


def test_the_time_since_the_cause_counts_from_its_end(traces: Path) -> None:
    refusal = results.refusal(exported.spans(traces))
    assert refusal
    assert refusal.seconds_after_cause == 2.5


def test_a_refusal_whose_cause_is_not_in_the_files_is_not_shown(traces: Path) -> None:
    trip, *others = exported.spans(traces)
    assert results.refusal([trip, *others])
    assert results.refusal(others) is None


def test_the_count_of_an_outcome_is_the_last_of_all_its_series(metrics: Path) -> None:
    assert results.calls(exported.points(metrics)) == {"failure": 0, "rejected": 4}


def test_the_impact_is_measured_by_requests_during_the_outage_only() -> None:
    schedule = Schedule(healthy=1, down=1, recovered=1)
    samples = [
        Sample("/checkout", 0.9, 9.0, 200),
        Sample("/checkout", 1.0, 0.1, 503),
        Sample("/checkout", 1.5, 0.3, 200),
        Sample("/products", 1.9, 0.2, 200),
        Sample("/checkout", 2.0, 9.0, 503),
    ]
    impact = results.impact(Run(Path(), schedule, 0, samples, {Phase.DOWN: 7}))
    assert impact == results.Impact(0.1, 0.3, checkouts=2, checkouts_failed=1, products_p50=0.2, provider_requests=7)


@pytest.mark.parametrize(
    ("changes", "calls", "problem"),
    [
        ([], {"rejected": 1}, "The circuit never opened"),
        ([TRIPPED_AT_OLD_THRESHOLD, CLOSED], {"rejected": 1}, "No circuit opened at the operator's failure_threshold"),
        ([TRIPPED], {"rejected": 1}, "The circuit opened but did not close again"),
        ([TRIPPED, CLOSED], {}, "The metric circuit_breaker.calls counts no refusal"),
        ([TRIPPED, CLOSED], {"rejected": 1}, None),
    ],
)
def test_an_incomplete_run_is_reported_with_what_it_lacks(
    traces: Path, changes: list[results.ExportedStateChange], calls: dict[str, int], problem: str | None
) -> None:
    assert results.missing(changes, results.refusal(exported.spans(traces)), calls) == problem


def test_a_run_without_a_refusal_is_incomplete() -> None:
    problem = results.missing([TRIPPED, CLOSED], None, {"rejected": 1})
    assert problem == "No refused call links to what opened the circuit"
