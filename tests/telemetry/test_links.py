"""Spans of probes and refusals link to the call that opened the circuit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

from otel_breaker import StateChange, configure
from tests.telemetry.outage import be_refused, fail, links, payments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk


def charge() -> None:
    pass


def test_a_probe_is_half_open_and_links_to_the_trip(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)
    episode = breaker.snapshot().episode
    clock.advance(30)

    breaker.call(charge)

    trip, probe = spans()
    assert probe.attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "half_open",
        "code.function.name": f"{__name__}.charge",
        "circuit_breaker.episode": episode,
        "circuit_breaker.link": "opening",
        "circuit_breaker.state_change.to": "closed",
        "circuit_breaker.call.outcome": "success",
    }
    assert links(probe) == [trip.context]


def test_a_call_refused_while_a_probe_is_under_way_links_to_the_trip(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)
    clock.advance(30)

    with breaker.guard(), ThreadPoolExecutor(1) as another:
        another.submit(be_refused, breaker).result()

    trip, refusal, _ = spans()
    assert links(refusal) == [trip.context]


def test_after_a_failed_probe_refusals_link_to_the_probe(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)
    clock.advance(30)
    fail(breaker)

    be_refused(breaker)

    trip, probe, refusal = spans()
    assert (links(probe), links(refusal)) == ([trip.context], [probe.context])


def test_the_call_that_finds_a_lost_probe_links_to_it(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, probe_timeout=5)
    fail(breaker)
    clock.advance(30)
    lost = breaker.guard()
    lost.__enter__()
    clock.advance(5)

    be_refused(breaker)
    lost.__exit__(None, None, None)

    _, refusal, probe = spans()
    assert links(refusal) == [probe.context]


def test_after_the_recovery_calls_link_to_nothing(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    fail(breaker)
    clock.advance(30)
    breaker.call(charge)

    breaker.call(charge)

    assert links(spans.last()) == []
    assert "circuit_breaker.episode" not in (spans.last().attributes or {})


def test_the_call_that_finds_calls_that_hang_links_to_the_oldest_and_later_refusals_to_the_one_that_found_them(
    spans: Spans, clock: FakeClock
) -> None:
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=1, minimum_calls=1)
    oldest, younger = breaker.guard(), breaker.guard()
    oldest.__enter__()
    clock.advance(1)
    younger.__enter__()
    clock.advance(2)

    be_refused(breaker)
    be_refused(breaker)
    younger.__exit__(None, None, None)
    oldest.__exit__(None, None, None)

    finding, refusal, _, hanging = spans()
    assert links(finding) == [hanging.context]
    assert links(refusal) == [finding.context]


def test_a_call_that_trips_because_another_hangs_links_to_that_one(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1)
    hanging = breaker.guard()
    hanging.__enter__()
    clock.advance(1)
    with breaker.guard():
        clock.advance(1)
    hanging.__exit__(None, None, None)

    finding, overdue = spans()
    assert [event.name for event in finding.events] == ["circuit_breaker.state_change"]
    assert links(finding) == [overdue.context]


@pytest.mark.parametrize("spans_switch", ["all", "problems"])
def test_a_call_that_trips_because_it_hung_itself_does_not_link_to_itself(
    spans_switch: Any, spans: Spans, clock: FakeClock
) -> None:
    configure(spans=spans_switch)
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1)

    with breaker.guard():
        clock.advance(3)

    assert [event.name for event in spans.last().events] == ["circuit_breaker.state_change"]
    assert links(spans.last()) == []


@pytest.mark.parametrize("spans_switch", ["all", "problems"])
def test_a_generator_whose_step_trips_the_circuit_has_the_state_change_and_refusals_link_to_it(
    spans_switch: Any, spans: Spans, clock: FakeClock
) -> None:
    configure(spans=spans_switch)
    changes: list[StateChange] = []
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1)
    breaker.add_listener(changes.append)

    @breaker
    def pages() -> Iterator[int]:
        clock.advance(2)
        yield 1
        yield 2

    for _ in pages():
        be_refused(breaker)

    *refusals, tripped = spans()
    assert [event.name for event in tripped.events] == ["circuit_breaker.state_change"]
    assert (tripped.attributes or {})["circuit_breaker.state_change.to"] == "open"
    assert [links(span) for span in (*refusals, tripped)] == [[tripped.context], [tripped.context], []]
    assert [change.span_context for change in changes] == [tripped.context]


def test_a_refusal_links_to_the_span_in_which_a_call_in_two_steps_opened_the_circuit(
    spans: Spans, clock: FakeClock
) -> None:
    breaker = payments(clock)

    with trace.get_tracer("application").start_as_current_span("caller"):
        breaker.record_failure()
    be_refused(breaker)

    caller, refusal = spans()
    assert links(refusal) == [caller.context]


# --- an opening that was not sampled


class SomeSampler(Sampler):
    """Drops the spans with the given numbers."""

    def __init__(self, *dropped: int) -> None:
        self._dropped = dropped
        self._asked = 0

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        self._asked += 1
        return SamplingResult(Decision.DROP if self._asked in self._dropped else Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        return "SomeSampler"


def test_a_refusal_links_to_the_last_failure_that_was_sampled_where_the_opening_was_not(
    make_sdk: MakeSdk, clock: FakeClock
) -> None:
    finished = make_sdk(SomeSampler(3))
    breaker = payments(clock, failure_threshold=3)
    for _ in range(3):
        fail(breaker)

    be_refused(breaker)

    _, sampled, refusal = finished()
    assert (refusal.attributes or {})["circuit_breaker.link"] == "last_failure"
    assert links(refusal) == [sampled.context]


def test_a_refusal_links_to_no_unsampled_span_in_which_a_call_in_two_steps_opened_the_circuit(
    make_sdk: MakeSdk, clock: FakeClock
) -> None:
    finished = make_sdk(SomeSampler(1))
    breaker = payments(clock)

    with trace.get_tracer("application").start_as_current_span("caller"):
        breaker.record_failure()
    be_refused(breaker)

    (refusal,) = finished()
    assert links(refusal) == []


def test_a_refusal_links_to_nothing_where_no_failure_was_sampled(make_sdk: MakeSdk, clock: FakeClock) -> None:
    finished = make_sdk(SomeSampler(1))
    breaker = payments(clock)
    fail(breaker)

    be_refused(breaker)

    (refusal,) = finished()
    assert links(refusal) == []
    assert "circuit_breaker.link" not in (refusal.attributes or {})


def test_an_sdk_that_samples_nothing_makes_no_difference_to_a_refusal(make_sdk: MakeSdk, clock: FakeClock) -> None:
    finished = make_sdk(ALWAYS_OFF)
    breaker = payments(clock)
    fail(breaker)

    error = be_refused(breaker)

    assert error.retry_after == 30.0
    assert finished() == []
