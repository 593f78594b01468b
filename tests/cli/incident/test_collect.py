"""Incidents from records: circuits, episodes and state changes that are exported once or twice; bounded memory."""

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
    RECOVERED,
    SECOND,
    START,
    TRIP,
    Telemetry,
    only_episode,
    outage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.otlp import TelemetryRecord


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


def test_a_span_without_its_event_still_has_the_state_change() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    bare = [replace(span, events=()) for span in telemetry.spans if isinstance(span, Span)]

    assert transitions(only_episode(collect(bare))) == [("closed", "open", "")]


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

    assert only_episode(incident).refusals.spans == 5_004
    assert peak < 300_000


def test_a_circuit_that_recovered_and_tripped_again_has_two_episodes() -> None:
    telemetry = outage()
    telemetry.episode = "e2"
    telemetry.call(20, 20, "failure", state_changes=TRIP).call(
        21, 30, "success", "half_open", state_changes=RECOVERED, link=20
    )

    assert [episode.id for _, episode in telemetry.incident().episodes] == ["e1", "e2"]
