"""Incidents from records: state changes exported once or twice, spans sampled or not, memory bounded."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.incident.model import ServiceInstance
from otel_breaker_cli.otlp import Span
from tests.cli.incident.telemetry import (
    FAILED,
    RECOVERED,
    SECOND,
    START,
    TRIP,
    Telemetry,
    outage,
    span_of,
    trace_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import Incident
    from otel_breaker_cli.otlp import TelemetryRecord


def only_episode(incident: Incident) -> IncidentEpisode:
    ((_, episode),) = incident.episodes
    return episode


def transitions(episode: IncidentEpisode) -> list[tuple[str, str, str]]:
    return [(change.from_state, change.to_state, change.reason) for change in episode.state_changes]


OUTAGE = [
    ("closed", "open", "failure_threshold"),
    ("open", "half_open", "recovery_time_elapsed"),
    ("half_open", "open", "probe_failed"),
    ("open", "half_open", "recovery_time_elapsed"),
    ("half_open", "closed", "probe_succeeded"),
]


@pytest.mark.parametrize(
    "part",
    [
        lambda telemetry: telemetry.records,
        lambda telemetry: telemetry.spans,
        lambda telemetry: telemetry.logs,
        lambda telemetry: [*telemetry.logs, *telemetry.spans],
        lambda telemetry: random.Random(7).sample(telemetry.records, len(telemetry.records)),
    ],
    ids=["both", "spans alone", "logs alone", "logs first", "in any order"],
)
def test_each_state_change_is_kept_once_from_either_signal_and_in_any_order(
    part: Callable[[Telemetry], list[TelemetryRecord]],
) -> None:
    episode = only_episode(collect(part(outage())))

    assert sorted(transitions(episode)) == sorted(OUTAGE)
    assert [change.time for change in episode.state_changes] == sorted(change.time for change in episode.state_changes)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_state_change_that_is_exported_twice_has_the_logs_time_and_message(backwards: bool) -> None:
    telemetry = Telemetry().call(2, 0.5, "failure", state_changes=TRIP)
    records = [*telemetry.logs, *telemetry.spans] if backwards else telemetry.records

    (change,) = only_episode(collect(records)).state_changes
    assert (change.time, change.message) == (START + SECOND - 300, "a sentence")
    assert change.call is not None


def test_an_episode_has_an_opening_a_closing_and_relapses() -> None:
    episode = only_episode(outage().incident())

    assert episode.opening is not None
    assert episode.closing is not None
    assert (episode.opening.reason, episode.closing.reason) == ("failure_threshold", "probe_succeeded")
    assert (episode.start, episode.end) == (START + SECOND - 300, START + 8 * SECOND - 300)
    assert (episode.relapses, episode.seconds) == (1, 7.0)


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

    assert (episode.refusal_spans, episode.counted_refusals) == (104, 128)
    assert [call.linked_span for call in episode.sample_refusals] == [(trace_of(2), span_of(2))] * 3


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


def test_a_span_without_its_event_still_has_the_state_change() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    bare = [replace(span, events=()) for span in telemetry.spans if isinstance(span, Span)]

    assert transitions(only_episode(collect(bare))) == [("closed", "open", "")]


def test_calls_that_only_shadow_mode_admitted_are_counted_by_outcome() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number, outcome in ((3, "success"), (4, "failure"), (5, "success")):
        telemetry.call(number, number, outcome, "open", link=2, shadowed=True)
    episode = only_episode(telemetry.incident())

    assert episode.shadow_outcomes == {"success": 2, "failure": 1}
    assert (episode.refusal_spans, episode.probes) == (0, ())


def test_a_manual_state_change_needs_no_episode_and_no_call() -> None:
    telemetry = Telemetry().manual_change(1, "closed", "forced_closed", "", "by ann")
    (circuit,) = telemetry.incident().circuits

    assert circuit.episodes == ()
    assert [(change.to_state, change.message) for change in circuit.state_changes] == [
        ("forced_closed", "circuit breaker 'payments': closed -> forced_closed (manual by ann)")
    ]


def test_circuits_are_identified_by_name_key_and_process() -> None:
    sources = [
        Telemetry(),
        Telemetry(name="search", episode="e2"),
        Telemetry(key="a.example", episode="e3"),
        Telemetry(resource={"service.name": "shop", "service.instance.id": "i1"}, episode="e4"),
    ]
    records = [
        record for telemetry in sources for record in telemetry.call(2, 0, "failure", state_changes=TRIP).records
    ]

    assert len(collect(records).circuits) == 4


def test_a_circuit_that_never_changed_state_is_only_counted() -> None:
    incident = Telemetry().call(1, 0, "success").incident()

    assert (incident.circuits, incident.unchanged_circuits) == ((), 1)


@pytest.mark.parametrize(
    ("resource", "instance"),
    [
        ({"service.instance.id": "i1", "host.name": "h"}, "i1"),
        ({"host.name": "h", "process.pid": 7}, "h 7"),
        ({"k8s.pod.name": "shop-1", "host.name": "h"}, "shop-1"),
        ({}, ""),
    ],
)
def test_a_process_is_identified_by_its_instance_id_or_else_by_host_and_process_id(
    resource: dict[str, Any], instance: str
) -> None:
    telemetry = Telemetry(resource={"service.name": "shop", **resource}).call(2, 0, "failure", state_changes=TRIP)

    assert telemetry.incident().circuits[0].identity.service_instance == ServiceInstance("shop", instance)


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


def test_the_last_value_and_the_peak_of_a_series_are_kept() -> None:
    telemetry = Telemetry()
    for at, value in ((0, 0.2), (2, 0.4), (1, 0.8)):
        telemetry.point("circuit_breaker.trip_ratio", value, at, name="payments")
    (series,) = telemetry.incident().metric_series

    assert (series.last, series.peak) == (0.4, 0.8)


def test_deltas_are_added_up() -> None:
    telemetry = Telemetry()
    for value in (2, 3):
        telemetry.point("circuit_breaker.shadow.calls", value, value, is_delta=True, name="payments")

    assert telemetry.incident().metric_series[0].last == 5


def test_metrics_of_other_libraries_are_ignored() -> None:
    assert Telemetry().point("http.server.duration", 1).incident().metric_series == ()


def test_control_characters_are_removed_from_names() -> None:
    telemetry = Telemetry(name="\x1b[2Jpayments\n").call(2, 0, "failure", state_changes=TRIP)

    assert (
        telemetry.incident().circuits[0].identity.name
        == "\N{REPLACEMENT CHARACTER}[2Jpayments\N{REPLACEMENT CHARACTER}"
    )


def test_memory_grows_with_episodes_and_not_with_spans() -> None:
    class ManyRefusals:
        def __iter__(self) -> Iterator[TelemetryRecord]:
            yield from outage().records
            for number in range(5_000):
                yield from Telemetry().call(number, 3, "rejected", "open", link=2).spans

    tracemalloc.start()
    try:
        incident = collect(ManyRefusals())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert only_episode(incident).refusal_spans == 5_004
    assert peak < 300_000


def test_a_circuit_that_recovered_and_tripped_again_has_two_episodes() -> None:
    telemetry = outage()
    telemetry.episode = "e2"
    telemetry.call(20, 20, "failure", state_changes=TRIP).call(
        21, 30, "success", "half_open", state_changes=RECOVERED, link=20
    )

    assert [episode.id for _, episode in telemetry.incident().episodes] == ["e1", "e2"]
