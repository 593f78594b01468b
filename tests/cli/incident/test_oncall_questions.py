"""The eleven questions, answered from exported telemetry; where the files lack an answer, the text states that."""

from __future__ import annotations

import pytest

from otel_breaker_cli.incident.oncall_questions import QUESTIONS, OnCallQuestion
from tests.cli.incident.telemetry import EVIDENCE, RECOVERED, TRIP, Telemetry, outage, span_of, trace_of


def answer(number: int, telemetry: Telemetry) -> str:
    return "\n".join(QUESTIONS[number - 1].answer(telemetry.incident()))


def still_open() -> Telemetry:
    return Telemetry().call(2, 0.5, "failure", state_changes=TRIP, evidence=EVIDENCE)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.anchor)
def test_files_without_a_breaker_answer_no_question_and_cause_no_error(question: OnCallQuestion) -> None:
    (line,) = question.answer(Telemetry().incident())

    assert line.startswith(("No", "There is no"))


def test_1_an_open_circuit_is_named_with_its_service_and_its_opening_time() -> None:
    assert answer(1, still_open()) == "payments of shop: open since 2027-01-15 08:00:00.999 UTC"


def test_1_a_circuit_in_shadow_mode_is_not_taken_for_one_that_refuses() -> None:
    telemetry = still_open().call(3, 2, "success", "open", shadowed=True)

    assert answer(1, telemetry).endswith("UTC, in shadow mode: no call is refused")


def test_1_a_circuit_that_closed_again_is_listed_as_closed() -> None:
    text = answer(1, outage())

    assert text.startswith("None is open at the end")
    assert "payments of shop: closed again; it was open from 2027-01-15 08:00:00.999 UTC for 7 s" in text


def test_2_the_rule_its_evidence_and_the_failures_are_listed() -> None:
    text = answer(2, outage())

    assert "5 failures in a row, the threshold is 5" in text
    assert "what failed: OSError (5)" in text
    assert "stay open for 2 s" in text


@pytest.mark.parametrize(
    ("reason", "evidence", "expected"),
    [
        (
            "failure_rate",
            {"window.calls": 20, "window.failures": 12, "threshold": 0.5},
            "12 of 20 calls failed, the threshold is 50%",
        ),
        (
            "slow_call_rate",
            {"window.calls": 20, "window.slow_calls": 16, "threshold": 0.8},
            "16 of 20 calls were slow, the threshold is 80%",
        ),
    ],
)
def test_2_each_rule_has_its_own_evidence(reason: str, evidence: dict[str, float], expected: str) -> None:
    full = {f"circuit_breaker.{name}": value for name, value in evidence.items()}
    telemetry = Telemetry().call(2, 0, "failure", state_changes=(("closed", "open", reason),), evidence=full)

    assert expected in answer(2, telemetry)


def test_2_the_actor_of_a_manual_opening_is_named() -> None:
    telemetry = Telemetry().manual_change(1, "closed", "forced_open", "e1", "by ann: INC-4711")

    assert "by hand, by ann: INC-4711" in answer(2, telemetry)
    assert "none: it was opened by hand" in answer(3, telemetry)


def test_3_the_request_that_tripped_it_is_named_with_its_ids() -> None:
    text = answer(3, outage())

    assert f"POST /checkout, trace {trace_of(2)}, span {span_of(2)}, failure after 500 ms (OSError)" in text


def test_3_a_tripping_span_that_is_not_in_the_files_is_reported_missing() -> None:
    telemetry = outage()
    telemetry.spans = []

    assert f"trace {trace_of(2)}, span {span_of(2)}, its span is not in these files" in answer(3, telemetry)


def test_3_an_unknown_tripping_call_is_reported_unknown() -> None:
    telemetry = outage()
    telemetry.spans = []
    del telemetry.logs[0]

    assert "not known" in answer(3, telemetry)


def test_4_a_refusal_leads_to_the_call_that_opened_the_circuit() -> None:
    text = answer(4, outage())

    assert f"POST /checkout, trace {trace_of(3)}, was refused" in text
    assert f"leads to trace {trace_of(2)}, span {span_of(2)}, which opened the circuit, 1 s before" in text


def test_5_the_number_of_refusals_is_the_circuits_own_count() -> None:
    assert "128 calls refused, 4 of them in these files" in answer(5, outage())


def test_5_until_the_circuit_closes_the_number_of_refusals_is_that_of_their_spans() -> None:
    telemetry = still_open().call(3, 2, "rejected", "open", link=2)

    assert "1 call refused, as far as these files show" in answer(5, telemetry)


def test_6_each_probe_is_listed_with_its_outcome() -> None:
    text = answer(6, outage())

    assert "1 failure, 1 success; 1 failed recovery" in text
    assert "08:00:05.000  failure after 500 ms (OSError)" in text
    assert "08:00:07.500  success after 500 ms" in text


def test_7_the_nearest_to_tripping_comes_first_with_its_peak() -> None:
    telemetry = Telemetry()
    for name, ratio in (("search", 0.2), ("payments", 0.8), ("payments", 0.4)):
        telemetry.point("circuit_breaker.trip_ratio", ratio, len(telemetry.points), name=name)

    assert answer(7, telemetry).splitlines() == [
        "payments of shop: 40% of the way in the last export, 80% at most",
        "search of shop: 20% of the way in the last export, 20% at most",
    ]


def flapping(seconds: float) -> Telemetry:
    telemetry = Telemetry()
    for number in range(3):
        telemetry.episode = f"e{number}"
        telemetry.call(10 * number + 2, seconds * number, "failure", state_changes=TRIP)
        telemetry.call(10 * number + 3, seconds * number + 5, "success", "half_open", state_changes=RECOVERED)
    return telemetry


def test_8_three_trips_within_a_quarter_of_an_hour_are_flapping() -> None:
    assert "flapping: 3 trips within 15 min 0 s; 3 trips, 0 failed recoveries in all" in answer(8, flapping(450))


def test_8_the_same_trips_over_a_longer_time_are_not() -> None:
    assert "not flapping" in answer(8, flapping(451))


def test_8_a_recovery_that_fails_is_not_flapping() -> None:
    assert answer(8, outage()) == "payments of shop: not flapping; 1 trip, 1 failed recovery in all"


def test_9_shadow_mode_is_evaluated_by_the_outcomes_of_the_calls() -> None:
    telemetry = Telemetry()
    for outcome, count in (("failure", 7), ("success", 2), ("ignored", 1)):
        telemetry.point("circuit_breaker.shadow.calls", count, name="payments", call__outcome=outcome)

    assert (
        answer(9, telemetry)
        == "payments of shop: it would have spared 7 calls that failed, and refused 2 that succeeded"
    )


def test_10_targets_are_counted_by_status() -> None:
    telemetry = Telemetry()
    for status, count in (("pending", 1), ("guarded", 3)):
        telemetry.point("circuit_breaker.targets", count, target__status=status)

    assert answer(10, telemetry) == "shop: 3 guarded, 1 pending"


def test_only_the_latest_episodes_are_covered() -> None:
    telemetry = Telemetry()
    for number in range(8):
        telemetry.episode = f"e{number}"
        telemetry.call(10 * number + 2, 20 * number, "failure", state_changes=TRIP)
        telemetry.call(10 * number + 3, 20 * number + 5, "success", "half_open", state_changes=RECOVERED)

    assert [line.split("episode ")[1].split(":")[0] for line in answer(5, telemetry).splitlines()] == [
        f"e{number}" for number in range(3, 8)
    ]
