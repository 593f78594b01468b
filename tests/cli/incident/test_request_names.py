"""The names of the requests whose calls are shown."""

from __future__ import annotations

from tests.cli.incident.telemetry import (
    TRIP,
    Telemetry,
    trace_of,
)


def test_a_request_that_comes_before_the_trip_is_found_by_a_second_pass() -> None:
    telemetry = Telemetry().request(2, 0, "GET /first")
    telemetry.call(2, 0, "failure", state_changes=TRIP)
    telemetry.spans.pop()  # the request, which `call` appends after the guarded call

    assert telemetry.incident().request_name(trace_of(2)) == "GET /first"


def test_a_trace_whose_root_is_elsewhere_is_named_after_its_first_server() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    telemetry.spans.pop()
    telemetry.request(2, 0.2, "POST /pay", parent="a" * 16).request(2, 0.1, "POST /checkout", parent="b" * 16)

    assert telemetry.incident().request_name(trace_of(2)) == "POST /checkout"
