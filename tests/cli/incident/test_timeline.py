"""States as stretches of time: what is drawn."""

from __future__ import annotations

from otel_breaker_cli.incident.timeline import lanes, visible_range
from tests.cli.incident.telemetry import RECOVERED, SECOND, START, TRIP, Telemetry, outage


def drawn(told: Telemetry, end: float) -> list[list[tuple[str, float, float]]]:
    """Each lane's states, with their beginning and end in seconds."""
    (circuit,) = told.incident().circuits
    return [
        [(s.state, round((s.start - START) / SECOND, 1), round((s.end - START) / SECOND, 1)) for s in lane.intervals]
        for lane in lanes(circuit, START, START + round(end * SECOND))
    ]


def test_a_circuit_is_drawn_from_before_its_trip_until_after_its_recovery() -> None:
    assert drawn(outage(), 10) == [
        [("closed", 0.0, 1.0), ("open", 1.0, 5.5), ("open", 5.5, 8.0), ("closed", 8.0, 10.0)],
    ]


def test_a_circuit_that_is_still_open_is_drawn_to_the_end() -> None:
    assert drawn(Telemetry().call(2, 0.5, "failure", state_changes=TRIP), 9)[0][-1] == ("open", 1.0, 9.0)


def test_an_opening_that_is_in_no_file_is_drawn_from_when_anything_was_seen() -> None:
    told = Telemetry().call(3, 2, "rejected", "open").call(4, 4, "success", "half_open", state_changes=RECOVERED)

    assert drawn(told, 9) == [[("", 0.0, 2.0), ("open", 2.0, 4.5), ("closed", 4.5, 9.0)]]


def test_what_was_between_an_end_that_is_in_no_file_and_the_next_trip_is_not_drawn() -> None:
    told = Telemetry().call(2, 0.5, "failure", state_changes=TRIP).call(3, 2, "rejected", "open")
    told.episode = "e2"
    told.call(4, 6.5, "failure", state_changes=TRIP)

    assert drawn(told, 9)[0] == [("closed", 0.0, 1.0), ("open", 1.0, 2.5), ("", 2.5, 7.0), ("open", 7.0, 9.0)]


def test_processes_that_share_an_identity_get_a_lane_each_where_they_overlap() -> None:
    told = Telemetry()
    for number in (1, 2):
        told.episode = f"e{number}"
        told.call(10 * number, number, "failure", state_changes=TRIP)
        told.call(10 * number + 1, number + 4, "success", "half_open", state_changes=RECOVERED)

    assert len(drawn(told, 9)) == 2


def test_a_state_that_was_forced_without_an_episode_is_drawn_too() -> None:
    told = Telemetry().manual_change(1, "closed", "forced_closed", "", "by ann")

    assert drawn(told, 3) == [[("closed", 0.0, 1.0), ("forced_closed", 1.0, 3.0)]]


def test_the_picture_has_a_margin_as_far_as_the_files_reach() -> None:
    told = outage().call(30, 100, "success")
    start, end = visible_range(told.incident())

    assert START < start < START + SECOND
    assert START + 8 * SECOND < end < START + 9 * SECOND
