"""Refused calls are shown by reason, and those over the limit of calls in flight as refusals of a closed circuit."""

from __future__ import annotations

import pytest

from otel_breaker_cli.incident import descriptions
from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.page import page
from otel_breaker_cli.incident.terminal import report, without_colours
from tests.cli.incident.telemetry import TRIP, Telemetry, only_episode, outage, trace_of

LIMIT = "concurrency_limit"
SHOWN = (
    "4 calls refused by the limit of calls in flight while it was closed, as far as these files show, "
    "08:00:01.000 to 08:00:04.000"
)


def overload() -> Telemetry:
    """A circuit that stays closed, while its limit of calls in flight refuses four calls."""
    telemetry = Telemetry().call(1, 0, "success")
    for number in range(1, 5):
        telemetry.call(10 + number, number, "rejected", rejection=LIMIT)
    return telemetry.call(2, 5, "success")


def answer(number: int, telemetry: Telemetry) -> list[str]:
    return QUESTIONS[number - 1].answer(telemetry.incident())


def test_a_circuit_that_stays_closed_is_in_the_incident_when_its_limit_refuses_calls() -> None:
    (circuit,) = overload().incident().circuits

    assert (circuit.state, circuit.episodes, circuit.is_open) == ("closed", (), False)
    assert descriptions.limit_refusals(circuit) == SHOWN


def test_the_summary_counts_the_calls_over_the_limit_and_covers_their_time() -> None:
    incident = overload().incident()

    assert descriptions.summary(incident) == (
        "2027-01-15 08:00:01.000 UTC: 1 circuit, 0 episodes, within 3 s, none open at the end, "
        "4 calls over the limit of calls in flight."
    )


def test_only_a_few_of_the_calls_over_the_limit_are_kept() -> None:
    (circuit,) = overload().incident().circuits

    assert len(circuit.limit_refusals.samples) == 3


@pytest.mark.parametrize("view", [page, lambda incident: without_colours(report(incident))])
def test_both_views_show_the_calls_over_the_limit_beside_the_circuit(view: object) -> None:
    assert SHOWN in view(overload().incident())  # type: ignore[operator]


def test_the_page_names_requests_over_the_limit_and_has_no_heading_of_episodes_that_are_none() -> None:
    text = page(overload().incident())

    assert "Some of the calls over the limit" in text
    assert f"POST /checkout <code>{trace_of(11)}</code>" in text
    assert "Episodes</h2>" not in text


def test_a_call_that_another_reason_refused_outside_of_an_episode_is_none_of_them() -> None:
    telemetry = Telemetry().call(1, 0, "rejected", rejection="open").call(2, 1, "rejected")

    assert telemetry.incident().circuits == ()


def test_the_refusals_of_an_episode_are_shown_by_reason() -> None:
    telemetry = outage()
    telemetry.call(20, 3, "rejected", "open", link=2, rejection="open")
    telemetry.call(21, 3, "rejected", "open", link=2, rejection="open")
    telemetry.call(22, 5, "rejected", "half_open", link=2, rejection="half_open")
    telemetry.call(23, 5, "rejected", "half_open", link=2, rejection=LIMIT)
    reasons = "it was open (2), its probes were in flight (1), too many calls were in flight (1)"
    incident = telemetry.incident()

    details = dict(descriptions.episode_details(incident, only_episode(incident)))

    assert details["refused as"] == reasons
    assert answer(5, telemetry)[-1] == f"  as {reasons}"


def test_a_reason_that_there_is_not_is_not_shown() -> None:
    incident = (
        Telemetry().call(1, 0, "failure", state_changes=TRIP).call(2, 1, "rejected", "open", rejection="x").incident()
    )

    assert "refused as" not in dict(descriptions.episode_details(incident, only_episode(incident)))


def test_the_cause_of_a_call_over_the_limit_is_no_opening() -> None:
    assert answer(4, overload()) == [
        f"POST /checkout, trace {trace_of(11)}, was refused",
        "  payments of shop was closed: too many calls were in flight",
    ]


def test_the_limit_its_calls_and_its_refusals_are_those_of_the_metrics_where_there_are_any() -> None:
    telemetry = overload()
    for at, limit, calls, refused in ((0, 30, 28, 0), (60, 12, 12, 2_345)):
        telemetry.point("circuit_breaker.concurrency.limit", limit, at, name="payments")
        telemetry.point("circuit_breaker.concurrency.in_flight", calls, at, name="payments")
        telemetry.point(
            "circuit_breaker.calls", refused, at, name="payments", call__outcome="rejected", rejection__reason=LIMIT
        )

    (line,) = answer(11, telemetry)

    refusals, numbers = line.split("; ")
    assert refusals == "payments of shop: 2,345 calls refused by the limit of calls in flight"
    assert numbers == "it is 12 in the last export, 30 at most, 28 in flight at most"


def test_without_metrics_the_spans_show_that_the_limit_refused() -> None:
    assert answer(11, overload()) == [f"payments of shop: {SHOWN}"]


def test_without_a_limit_the_answer_states_that_there_is_none() -> None:
    assert answer(11, outage()) == ["No limit of calls in flight is in these files."]
