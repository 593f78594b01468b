"""Calls of an episode: the tripping call, refusals and probes, with spans sampled or not."""

from __future__ import annotations

from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.otlp import Span
from tests.cli.incident.telemetry import (
    FAILED,
    TRIP,
    Telemetry,
    only_episode,
    outage,
    span_of,
    trace_of,
)


def test_the_tripping_call_is_known_with_its_outcome_and_its_request() -> None:
    incident = outage().incident()
    opening = only_episode(incident).opening

    assert opening is not None
    assert opening.call is not None
    assert only_episode(incident).tripping_call == (trace_of(2), span_of(2))
    assert (opening.call.outcome, opening.call.error_type, opening.call.seconds) == ("failure", "OSError", 0.5)
    assert incident.request_name(trace_of(2)) == "POST /checkout"


def test_a_tripping_call_that_was_not_sampled_is_known_by_the_log_alone() -> None:
    telemetry = outage()
    telemetry.spans = [span for span in telemetry.spans if isinstance(span, Span) and span.trace_id != trace_of(2)]
    episode = only_episode(telemetry.incident())

    assert episode.tripping_call == (trace_of(2), span_of(2))
    assert episode.opening is not None
    assert episode.opening.call is None


def test_a_tripping_call_that_was_not_sampled_is_known_by_the_links_of_refusals() -> None:
    telemetry = Telemetry().call(3, 2, "rejected", "open", link=2)

    assert only_episode(telemetry.incident()).tripping_call == (trace_of(2), span_of(2))


def test_a_failed_probe_is_not_taken_for_the_tripping_call() -> None:
    telemetry = (
        Telemetry().call(6, 5, "failure", "half_open", state_changes=FAILED).call(7, 6, "rejected", "open", link=6)
    )

    assert only_episode(telemetry.incident()).tripping_call is None


def test_a_call_that_trips_because_another_call_hangs_is_not_the_tripping_call() -> None:
    telemetry = Telemetry().call(2, 1, "success", state_changes=(("closed", "open", "slow_call_rate"),), link=9)

    assert only_episode(telemetry.incident()).tripping_call == (trace_of(9), span_of(9))


def test_refusals_are_counted_and_only_a_few_are_kept() -> None:
    telemetry = outage()
    for number in range(100, 200):
        telemetry.call(number, 3, "rejected", "open", link=2)
    episode = only_episode(telemetry.incident())

    assert (episode.refusals.spans, episode.counted_refusals) == (104, 128)
    assert [call.linked_span for call in episode.refusals.samples] == [(trace_of(2), span_of(2))] * 3


def test_each_probe_with_a_span_has_its_duration() -> None:
    episode = only_episode(outage().incident())

    assert [(probe.outcome, probe.error_type, probe.seconds) for probe in episode.probes] == [
        ("failure", "OSError", 0.5),
        ("success", "", 0.5),
    ]


def test_each_probe_without_a_span_comes_from_the_log_event() -> None:
    episode = only_episode(collect(outage().logs))

    assert [(probe.outcome, probe.seconds) for probe in episode.probes] == [("failure", None), ("success", None)]
    assert episode.probe_outcomes == {"failure": 1, "success": 1}


def test_a_probe_that_never_ended_is_a_timeout() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    telemetry.call(3, 60, "rejected", "open", state_changes=(("half_open", "open", "probe_timeout"),))

    assert only_episode(telemetry.incident()).probe_outcomes == {"timeout": 1}


def test_probes_without_a_state_change_are_counted_and_of_very_many_only_some_are_kept() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 203):
        telemetry.call(number, number, "ignored", "half_open", link=2)
    episode = only_episode(telemetry.incident())

    assert episode.probe_outcomes == {"ignored": 200}
    assert [probe.trace_id for probe in (episode.probes[0], episode.probes[-1])] == [trace_of(3), trace_of(202)]
    assert len(episode.probes) == 40


def test_of_very_many_probes_that_are_only_in_the_logs_some_are_kept_as_well() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 203):
        telemetry.call(number, number, "failure", "half_open", state_changes=FAILED, link=2)
    episode = only_episode(collect(telemetry.logs))

    assert episode.probe_outcomes == {"failure": 200}
    assert len(episode.probes) == 40


def test_calls_that_only_shadow_mode_admitted_are_counted_by_outcome() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number, outcome in ((3, "success"), (4, "failure"), (5, "success")):
        telemetry.call(number, number, outcome, "open", link=2, shadowed=True)
    episode = only_episode(telemetry.incident())

    assert episode.shadow_outcomes == {"success": 2, "failure": 1}
    assert (episode.refusals.spans, episode.probes) == (0, ())
