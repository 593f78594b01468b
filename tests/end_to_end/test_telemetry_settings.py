"""The shop through the same outage, with telemetry settings in its environment."""

from __future__ import annotations

import pytest

from tests.end_to_end.otlp_receiver import GRPC, HTTP
from tests.end_to_end.outage import FAILURES, SUCCESSES, Outage, run_an_outage

pytestmark = pytest.mark.processes

SETTINGS = {
    "OTEL_BREAKER_SPANS": "problems",
    "OTEL_BREAKER_EVENTS": "span",
    "OTEL_BREAKER_RECORD_EXCEPTIONS": "true",
    "OTEL_BREAKER_REJECTED_SPAN_LIMIT": "1000",
}


@pytest.fixture(scope="module", params=[HTTP, GRPC])
def outage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outage:
    return run_an_outage(tmp_path_factory.mktemp("problems"), request.param, **SETTINGS)


def test_only_problems_have_spans_and_those_show_the_outage(outage: Outage) -> None:
    assert outage.refusals > 0
    exported = [
        (span.attributes["circuit_breaker.state"], span.attributes["circuit_breaker.call.outcome"])
        for span in outage.calls
    ]
    assert exported == [
        *[("closed", "failure")] * FAILURES,
        *[("open", "rejected")] * outage.refusals,
        ("half_open", "success"),
    ]
    trip = outage.calls[FAILURES - 1]
    assert {link for span in outage.calls[FAILURES:] for link in span.links} == {trip.context}


def test_every_call_is_counted(outage: Outage) -> None:
    assert outage.received.totals("circuit_breaker.calls", "circuit_breaker.call.outcome") == {
        ("success",): SUCCESSES + 2,
        ("failure",): FAILURES,
        ("rejected",): outage.refusals,
    }


def test_a_problem_hangs_under_the_request_and_so_does_what_the_call_did(outage: Outage) -> None:
    by_id = {span.span_id: span for span in outage.received.spans}
    failure = outage.calls[0]

    assert by_id[failure.parent_id].kind == "server"
    siblings = [span for span in outage.children(by_id[failure.parent_id]) if span.kind == "client"]
    assert [failure.start <= span.start <= span.end <= failure.end for span in siblings] == [True]


def test_state_changes_are_on_spans_alone_and_failures_have_their_exception(outage: Outage) -> None:
    events = [[event.name for event in span.events] for span in outage.calls]

    assert events[: FAILURES - 1] == [["exception"]] * (FAILURES - 1)
    assert sorted(events[FAILURES - 1]) == ["circuit_breaker.state_change", "exception"]
    assert events[FAILURES:-1] == [[]] * outage.refusals
    assert events[-1] == ["circuit_breaker.state_change"] * 2
    assert [log for log in outage.received.logs if log.event == "circuit_breaker.state_change"] == []
