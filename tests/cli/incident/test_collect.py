"""From records to what happened: moves told once or twice, spans sampled or not, memory bounded."""

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


def only(incident: Incident) -> IncidentEpisode:
    ((_, episode),) = incident.episodes
    return episode


def changes(episode: IncidentEpisode) -> list[tuple[str, str, str]]:
    return [(move.from_state, move.to_state, move.reason) for move in episode.state_changes]


WHOLE = [
    ("closed", "open", "failure_threshold"),
    ("open", "half_open", "recovery_time_elapsed"),
    ("half_open", "open", "probe_failed"),
    ("open", "half_open", "recovery_time_elapsed"),
    ("half_open", "closed", "probe_succeeded"),
]


@pytest.mark.parametrize(
    "part",
    [
        lambda told: told.records,
        lambda told: told.spans,
        lambda told: told.logs,
        lambda told: [*told.logs, *told.spans],
        lambda told: random.Random(7).sample(told.records, len(told.records)),
    ],
    ids=["both", "spans alone", "logs alone", "logs first", "in any order"],
)
def test_each_move_is_one_whoever_tells_of_it_and_in_whichever_order(
    part: Callable[[Telemetry], list[TelemetryRecord]],
) -> None:
    episode = only(collect(part(outage())))

    assert sorted(changes(episode)) == sorted(WHOLE)
    assert [move.time for move in episode.state_changes] == sorted(move.time for move in episode.state_changes)


@pytest.mark.parametrize("backwards", [False, True])
def test_of_a_move_told_twice_the_logs_time_and_words_count(backwards: bool) -> None:  # a parameter
    told = Telemetry().call(2, 0.5, "failure", state_changes=TRIP)
    records = [*told.logs, *told.spans] if backwards else told.records

    (move,) = only(collect(records)).state_changes
    assert (move.time, move.message) == (START + SECOND - 300, "a sentence")
    assert move.call is not None


def test_an_episode_has_its_beginning_its_end_and_its_relapses() -> None:
    episode = only(outage().incident())

    assert episode.opening is not None
    assert episode.closing is not None
    assert (episode.opening.reason, episode.closing.reason) == ("failure_threshold", "probe_succeeded")
    assert (episode.start, episode.end) == (START + SECOND - 300, START + 8 * SECOND - 300)
    assert (episode.relapses, episode.seconds) == (1, 7.0)


def test_the_tripping_call_is_known_with_its_end_and_its_request() -> None:
    incident = outage().incident()
    opening = only(incident).opening

    assert opening is not None
    assert opening.call is not None
    assert only(incident).tripping_call == (trace_of(2), span_of(2))
    assert (opening.call.outcome, opening.call.error_type, opening.call.seconds) == ("failure", "OSError", 0.5)
    assert incident.request_name(trace_of(2)) == "POST /checkout"


def test_a_tripping_call_that_was_not_sampled_is_known_by_the_log_alone() -> None:
    told = outage()
    told.spans = [span for span in told.spans if isinstance(span, Span) and span.trace_id != trace_of(2)]
    episode = only(told.incident())

    assert episode.tripping_call == (trace_of(2), span_of(2))
    assert episode.opening is not None
    assert episode.opening.call is None


def test_a_tripping_call_that_was_not_sampled_is_known_by_the_links_of_refusals() -> None:
    told = Telemetry().call(3, 2, "rejected", "open", link=2)

    assert only(told.incident()).tripping_call == (trace_of(2), span_of(2))


def test_what_a_failed_probe_opened_is_not_taken_for_the_trip() -> None:
    told = Telemetry().call(6, 5, "failure", "half_open", state_changes=FAILED).call(7, 6, "rejected", "open", link=6)

    assert only(told.incident()).tripping_call is None


def test_a_call_that_only_noticed_a_hung_one_is_not_the_one_that_tripped() -> None:
    told = Telemetry().call(2, 1, "success", state_changes=(("closed", "open", "slow_call_rate"),), link=9)

    assert only(told.incident()).tripping_call == (trace_of(9), span_of(9))


def test_refusals_are_counted_and_only_a_few_are_kept() -> None:
    told = outage()
    for number in range(100, 200):
        told.call(number, 3, "rejected", "open", link=2)
    episode = only(told.incident())

    assert (episode.refusal_spans, episode.counted_refusals) == (104, 128)
    assert [call.linked_span for call in episode.sample_refusals] == [(trace_of(2), span_of(2))] * 3


def test_each_probe_is_told_by_its_span_with_how_long_it_took() -> None:
    episode = only(outage().incident())

    assert [(probe.outcome, probe.error_type, probe.seconds) for probe in episode.probes] == [
        ("failure", "OSError", 0.5),
        ("success", "", 0.5),
    ]


def test_each_probe_is_told_by_the_log_where_there_is_no_span() -> None:
    episode = only(collect(outage().logs))

    assert [(probe.outcome, probe.seconds) for probe in episode.probes] == [("failure", None), ("success", None)]
    assert episode.probe_outcomes == {"failure": 1, "success": 1}


def test_a_probe_that_was_never_heard_of_again_is_a_timeout() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    told.call(3, 60, "rejected", "open", state_changes=(("half_open", "open", "probe_timeout"),))

    assert only(told.incident()).probe_outcomes == {"timeout": 1}


def test_probes_that_moved_nothing_are_counted_and_of_very_many_only_some_are_kept() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 203):
        told.call(number, number, "ignored", "half_open", link=2)
    episode = only(told.incident())

    assert episode.probe_outcomes == {"ignored": 200}
    assert [probe.trace_id for probe in (episode.probes[0], episode.probes[-1])] == [trace_of(3), trace_of(202)]
    assert len(episode.probes) == 40


def test_of_very_many_probes_that_only_logs_tell_of_some_are_kept_as_well() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 203):
        told.call(number, number, "failure", "half_open", state_changes=FAILED, link=2)
    episode = only(collect(told.logs))

    assert episode.probe_outcomes == {"failure": 200}
    assert len(episode.probes) == 40


def test_a_span_without_its_event_still_tells_that_it_moved_the_circuit() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    bare = [replace(span, events=()) for span in told.spans if isinstance(span, Span)]

    assert changes(only(collect(bare))) == [("closed", "open", "")]


def test_calls_that_shadow_let_pass_are_counted_by_what_they_did() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number, outcome in ((3, "success"), (4, "failure"), (5, "success")):
        told.call(number, number, outcome, "open", link=2, shadowed=True)
    episode = only(told.incident())

    assert episode.shadow_outcomes == {"success": 2, "failure": 1}
    assert (episode.refusal_spans, episode.probes) == (0, ())


def test_a_move_by_hand_needs_no_episode_and_no_call() -> None:
    told = Telemetry().manual_change(1, "closed", "forced_closed", "", "by ann")
    (circuit,) = told.incident().circuits

    assert circuit.episodes == ()
    assert [(move.to_state, move.message) for move in circuit.state_changes] == [
        ("forced_closed", "circuit breaker 'payments': closed -> forced_closed (manual by ann)")
    ]


def test_circuits_are_told_apart_by_name_key_and_process() -> None:
    tellings = [
        Telemetry(),
        Telemetry(name="search", episode="e2"),
        Telemetry(key="a.example", episode="e3"),
        Telemetry(resource={"service.name": "shop", "service.instance.id": "i1"}, episode="e4"),
    ]
    records = [record for told in tellings for record in told.call(2, 0, "failure", state_changes=TRIP).records]

    assert len(collect(records).circuits) == 4


def test_a_circuit_that_never_moved_is_only_counted() -> None:
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
def test_a_process_is_known_by_the_best_it_says_of_itself(resource: dict[str, Any], instance: str) -> None:
    told = Telemetry(resource={"service.name": "shop", **resource}).call(2, 0, "failure", state_changes=TRIP)

    assert told.incident().circuits[0].identity.service_instance == ServiceInstance("shop", instance)


def test_a_request_that_went_by_before_the_trip_is_found_by_reading_once_more() -> None:
    told = Telemetry().request(2, 0, "GET /first")
    told.call(2, 0, "failure", state_changes=TRIP)
    told.spans.pop()  # the request that `call` put after the guarded call

    assert told.incident().request_name(trace_of(2)) == "GET /first"


def test_a_trace_whose_root_is_elsewhere_is_named_after_its_first_server() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    told.spans.pop()
    told.request(2, 0.2, "POST /pay", parent="a" * 16).request(2, 0.1, "POST /checkout", parent="b" * 16)

    assert told.incident().request_name(trace_of(2)) == "POST /checkout"


def test_the_last_value_of_a_series_counts_and_its_peak_is_kept() -> None:
    told = Telemetry()
    for at, value in ((0, 0.2), (2, 0.4), (1, 0.8)):
        told.point("circuit_breaker.trip_ratio", value, at, name="payments")
    (reading,) = told.incident().metric_series

    assert (reading.last, reading.peak) == (0.4, 0.8)


def test_deltas_are_added_up() -> None:
    told = Telemetry()
    for value in (2, 3):
        told.point("circuit_breaker.shadow.calls", value, value, is_delta=True, name="payments")

    assert told.incident().metric_series[0].last == 5


def test_metrics_of_others_are_left_out() -> None:
    assert Telemetry().point("http.server.duration", 1).incident().metric_series == ()


def test_what_a_terminal_would_obey_is_taken_out_of_names() -> None:
    told = Telemetry(name="\x1b[2Jpayments\n").call(2, 0, "failure", state_changes=TRIP)

    assert told.incident().circuits[0].identity.name == "\N{REPLACEMENT CHARACTER}[2Jpayments\N{REPLACEMENT CHARACTER}"


def test_memory_grows_with_episodes_and_not_with_spans() -> None:
    class Many:
        def __iter__(self) -> Iterator[TelemetryRecord]:
            yield from outage().records
            for number in range(5_000):
                yield from Telemetry().call(number, 3, "rejected", "open", link=2).spans

    tracemalloc.start()
    try:
        incident = collect(Many())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert only(incident).refusal_spans == 5_004
    assert peak < 300_000


def test_a_circuit_that_came_back_and_tripped_again_has_two_episodes() -> None:
    told = outage()
    told.episode = "e2"
    told.call(20, 20, "failure", state_changes=TRIP).call(
        21, 30, "success", "half_open", state_changes=RECOVERED, link=20
    )

    assert [episode.id for _, episode in told.incident().episodes] == ["e1", "e2"]
