"""The demo's shop through an outage of its payments, with nothing of the shop changed: what arrives at a Collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.otlp_receiver import GRPC, HTTP
from tests.end_to_end.outage import FAILURES, SUCCESSES, Outage, run_an_outage

if TYPE_CHECKING:
    from tests.end_to_end.otlp_records import Span

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", params=[HTTP, GRPC])
def outage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outage:
    return run_an_outage(tmp_path_factory.mktemp("outage"), request.param)


def attributes(span: Span, *names: str) -> tuple[object, ...]:
    return tuple(span.attributes.get(f"circuit_breaker.{name}") for name in names)


# --- spans


def test_every_call_has_a_span_with_its_outcome_and_the_state_that_admitted_it(outage: Outage) -> None:
    assert outage.refusals > 0
    assert [attributes(span, "state", "call.outcome") for span in outage.calls] == [
        *[("closed", "success")] * SUCCESSES,
        *[("closed", "failure")] * FAILURES,
        *[("open", "rejected")] * outage.refusals,
        ("half_open", "success"),
        ("closed", "success"),
    ]


def test_every_span_names_the_breaker_and_the_function(outage: Outage) -> None:
    assert {
        (span.scope, span.kind, span.attributes["circuit_breaker.name"], span.attributes["code.function.name"])
        for span in outage.calls
    } == {("otel_breaker", "internal", "payments", "examples.checkout.payments.PaymentClient.charge")}


def test_the_span_of_a_call_with_no_particulars_has_no_other_attributes(outage: Outage) -> None:
    everyday = {"circuit_breaker.name", "circuit_breaker.state", "circuit_breaker.call.outcome", "code.function.name"}

    assert set(outage.calls[0].attributes) == everyday
    assert set(outage.calls[SUCCESSES].attributes) == everyday | {"error.type"}


def test_a_span_is_an_error_exactly_when_the_caller_sees_one(outage: Outage) -> None:
    assert [span.status for span in outage.calls] == [
        *["unset"] * SUCCESSES,
        *["error"] * (FAILURES + outage.refusals),
        *["unset"] * 2,
    ]


def test_an_error_is_named_by_its_type(outage: Outage) -> None:
    failed = outage.calls[SUCCESSES : SUCCESSES + FAILURES]

    assert {span.attributes["error.type"].rpartition(".")[0] for span in failed} == {"requests.exceptions"}
    assert {span.attributes["error.type"] for span in outage.refused} == {"otel_breaker.errors.CircuitOpenError"}


def test_a_calls_span_is_between_the_servers_request_and_the_clients(outage: Outage) -> None:
    by_id = {span.span_id: span for span in outage.received.spans}
    parents = [by_id[span.parent_id] for span in outage.calls]

    assert {(parent.kind, parent.name) for parent in parents} == {("server", "POST /checkout")}
    assert all(parent.trace_id == span.trace_id for parent, span in zip(parents, outage.calls, strict=True))
    assert [[child.kind for child in outage.children(span)] for span in outage.calls] == [
        *[["client"]] * (SUCCESSES + FAILURES),
        *[[]] * outage.refusals,
        *[["client"]] * 2,
    ]


def test_a_refusal_takes_no_time_and_has_a_retry_after(outage: Outage) -> None:
    assert all(span.end - span.start < 500_000_000 for span in outage.refused)
    waits = [span.attributes["circuit_breaker.retry_after"] for span in outage.refused]
    assert all(0 < wait <= 0.5 for wait in waits)
    assert waits == sorted(waits, reverse=True)


def test_refusals_and_the_probe_link_to_the_call_that_opened_the_circuit(outage: Outage) -> None:
    linked = [span for span in outage.calls if span.links]

    assert linked == [*outage.refused, outage.probe]
    assert {link for span in linked for link in span.links} == {outage.trip.context}
    assert {span.attributes["circuit_breaker.link"] for span in linked} == {"opening"}


def test_one_episode_is_on_the_trip_the_refusals_and_the_probe_and_nowhere_else(outage: Outage) -> None:
    exported = [span for span in outage.calls if "circuit_breaker.episode" in span.attributes]

    assert exported == [outage.trip, *outage.refused, outage.probe]
    (episode,) = {span.attributes["circuit_breaker.episode"] for span in exported}
    assert len(episode) >= 16


# --- state changes


def test_a_state_change_is_an_event_on_the_call_that_caused_it(outage: Outage) -> None:
    exported = [
        (span, *(event.attributes[f"circuit_breaker.state_change.{name}"] for name in ("from", "to", "reason")))
        for span in outage.calls
        for event in span.events
        if event.name == "circuit_breaker.state_change"
    ]

    assert exported == [
        (outage.trip, "closed", "open", "failure_threshold"),
        (outage.probe, "open", "half_open", "recovery_time_elapsed"),
        (outage.probe, "half_open", "closed", "probe_succeeded"),
    ]


def test_a_state_change_names_its_breaker_and_episode(outage: Outage) -> None:
    events = [event.attributes for span in (outage.trip, outage.probe) for event in span.events]

    assert {event["circuit_breaker.name"] for event in events} == {"payments"}
    assert {event["circuit_breaker.mode"] for event in events} == {"enforce"}
    assert {event["circuit_breaker.episode"] for event in events} == {outage.trip.attributes["circuit_breaker.episode"]}


def test_a_call_that_changed_the_state_names_the_new_state(outage: Outage) -> None:
    entered = {
        span.span_id: span.attributes["circuit_breaker.state_change.to"]
        for span in outage.calls
        if "circuit_breaker.state_change.to" in span.attributes
    }

    assert entered == {outage.trip.span_id: "open", outage.probe.span_id: "closed"}


def test_the_state_changes_that_open_and_close_tell_the_evidence(outage: Outage) -> None:
    [opened], [_, closed] = outage.trip.events, outage.probe.events

    exported = {
        name: opened.attributes.get(f"circuit_breaker.{name}") for name in ("consecutive_failures", "threshold")
    }
    assert exported == {"consecutive_failures": FAILURES, "threshold": 3}
    assert opened.attributes.get("circuit_breaker.open.planned_duration") == 0.5
    assert closed.attributes.get("circuit_breaker.open.rejected_calls") == outage.refusals


def test_a_state_change_is_a_log_event_of_the_same_call_as_well(outage: Outage) -> None:
    exported = [
        (log.severity, log.attributes["circuit_breaker.state_change.to"], log.context)
        for log in outage.received.logs
        if log.event == "circuit_breaker.state_change"
    ]

    assert exported == [
        ("WARN", "open", outage.trip.context),
        ("INFO", "half_open", outage.probe.context),
        ("INFO", "closed", outage.probe.context),
    ]


# --- metrics


def test_calls_are_counted_by_what_became_of_them(outage: Outage) -> None:
    calls = outage.received.totals("circuit_breaker.calls", "circuit_breaker.name", "circuit_breaker.call.outcome")

    assert calls == {
        ("payments", "success"): SUCCESSES + 2,
        ("payments", "failure"): FAILURES,
        ("payments", "rejected"): outage.refusals,
    }


def test_the_outcomes_that_alerts_count_are_shown_from_the_first_export(outage: Outage) -> None:
    points = [point for point in outage.received.points if point.metric == "circuit_breaker.calls"]
    first = [point for point in points if point.time == points[0].time]

    outcomes = {point.attributes["circuit_breaker.call.outcome"] for point in first}
    assert outcomes == {"success", "failure", "rejected"}


def test_state_changes_are_counted_by_source_and_target(outage: Outage) -> None:
    names = [f"circuit_breaker.{name}" for name in ("name", "state_change.from", "state_change.to", "mode")]

    assert outage.received.totals("circuit_breaker.state_changes", *names) == {
        ("payments", "closed", "open", "enforce"): 1,
        ("payments", "open", "half_open", "enforce"): 1,
        ("payments", "half_open", "closed", "enforce"): 1,
    }


def test_in_the_end_one_circuit_is_closed(outage: Outage) -> None:
    names = [f"circuit_breaker.{name}" for name in ("name", "state", "mode")]

    assert outage.received.totals("circuit_breaker.status", *names) == {("payments", "closed", "enforce"): 1}


def test_the_time_in_each_state_is_counted(outage: Outage) -> None:
    seconds = outage.received.totals("circuit_breaker.state.time", "circuit_breaker.name", "circuit_breaker.state")
    opened = (outage.probe.start - outage.trip.end) / 1e9
    probing = (outage.probe.end - outage.probe.start) / 1e9

    assert seconds.keys() == {("payments", state) for state in ("closed", "open", "half_open")}
    assert seconds["payments", "open"] == pytest.approx(opened, abs=0.1)
    assert seconds["payments", "half_open"] == pytest.approx(probing, abs=0.1)
    assert seconds["payments", "closed"] > FAILURES * 0.5


def test_each_metric_is_of_its_kind_and_unit(outage: Outage) -> None:
    kinds = {
        point.metric: (point.kind, point.unit) for point in outage.received.points if point.scope == "otel_breaker"
    }

    assert kinds.items() >= {
        ("circuit_breaker.calls", ("counter", "{call}")),
        ("circuit_breaker.state_changes", ("counter", "{state_change}")),
        ("circuit_breaker.status", ("up-down counter", "{circuit}")),
        ("circuit_breaker.state.time", ("counter", "s")),
    }


@pytest.mark.parametrize("outage", [HTTP], indirect=True)
def test_what_arrived_over_http_was_compressed(outage: Outage) -> None:
    assert outage.received.encodings == {"gzip"}


@pytest.mark.parametrize("outage", [GRPC], indirect=True)
def test_what_arrived_over_grpc_came_over_grpc(outage: Outage) -> None:
    assert outage.received.encodings == {"grpc"}
