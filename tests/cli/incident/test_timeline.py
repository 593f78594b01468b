"""The states of circuits as intervals of time."""

from __future__ import annotations

from otel_breaker_cli.incident.timeline import lanes, visible_range
from tests.cli.incident.telemetry import RECOVERED, SECOND, START, TRIP, Telemetry, outage


def drawn_intervals(telemetry: Telemetry, end: float) -> list[list[tuple[str, float, float]]]:
    """The states of each lane, with their start and end in seconds."""
    (circuit,) = telemetry.incident().circuits
    return [
        [(s.state, round((s.start - START) / SECOND, 1), round((s.end - START) / SECOND, 1)) for s in lane.intervals]
        for lane in lanes(circuit, START, START + round(end * SECOND))
    ]


def test_a_circuit_is_drawn_from_before_its_trip_until_after_its_recovery() -> None:
    assert drawn_intervals(outage(), 10) == [
        [("closed", 0.0, 1.0), ("open", 1.0, 5.5), ("open", 5.5, 8.0), ("closed", 8.0, 10.0)],
    ]


def test_a_circuit_that_is_still_open_is_drawn_to_the_end() -> None:
    assert drawn_intervals(Telemetry().call(2, 0.5, "failure", state_changes=TRIP), 9)[0][-1] == ("open", 1.0, 9.0)


def test_a_circuit_whose_opening_is_in_no_file_is_drawn_from_its_first_record() -> None:
    telemetry = Telemetry().call(3, 2, "rejected", "open").call(4, 4, "success", "half_open", state_changes=RECOVERED)

    assert drawn_intervals(telemetry, 9) == [[("", 0.0, 2.0), ("open", 2.0, 4.5), ("closed", 4.5, 9.0)]]


def test_no_state_is_drawn_between_an_end_that_is_in_no_file_and_the_next_trip_intervals() -> None:
    telemetry = Telemetry().call(2, 0.5, "failure", state_changes=TRIP).call(3, 2, "rejected", "open")
    telemetry.episode = "e2"
    telemetry.call(4, 6.5, "failure", state_changes=TRIP)

    assert drawn_intervals(telemetry, 9)[0] == [
        ("closed", 0.0, 1.0),
        ("open", 1.0, 2.5),
        ("", 2.5, 7.0),
        ("open", 7.0, 9.0),
    ]


def test_processes_that_share_an_identity_get_a_lane_each_where_they_overlap() -> None:
    telemetry = Telemetry()
    for number in (1, 2):
        telemetry.episode = f"e{number}"
        telemetry.call(10 * number, number, "failure", state_changes=TRIP)
        telemetry.call(10 * number + 1, number + 4, "success", "half_open", state_changes=RECOVERED)

    assert len(drawn_intervals(telemetry, 9)) == 2


def test_a_state_that_was_forced_without_an_episode_is_drawn_too() -> None:
    telemetry = Telemetry().manual_change(1, "closed", "forced_closed", "", "by ann")

    assert drawn_intervals(telemetry, 3) == [[("closed", 0.0, 1.0), ("forced_closed", 1.0, 3.0)]]


def test_the_picture_has_a_margin_as_far_as_the_files_reach() -> None:
    telemetry = outage().call(30, 100, "success")
    start, end = visible_range(telemetry.incident())

    assert START < start < START + SECOND
    assert START + 8 * SECOND < end < START + 9 * SECOND
