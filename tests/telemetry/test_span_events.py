"""The event `circuit_breaker.state_change` on the span of the call that caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange
from tests.telemetry.outage import EVIDENCE, fail, trip

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk

PREFIX = "circuit_breaker.state_change."


def payments(clock: FakeClock, **settings: object) -> CircuitBreaker:
    return CircuitBreaker("payments", clock=clock, **{"failure_threshold": 2, "recovery_time": 30, **settings})  # type: ignore[arg-type]


def events(span: ReadableSpan) -> list[dict[str, Any]]:
    """The state changes on a span, without their evidence."""
    return [
        {name: value for name, value in (event.attributes or {}).items() if name not in EVIDENCE}
        for event in span.events
        if event.name == "circuit_breaker.state_change"
    ]


def state_changes(span: ReadableSpan) -> list[tuple[str, str, str]]:
    return [(event[f"{PREFIX}from"], event[f"{PREFIX}to"], event[f"{PREFIX}reason"]) for event in events(span)]


def state_change_to(span: ReadableSpan) -> Any:
    return (span.attributes or {}).get("circuit_breaker.state_change.to")


def test_only_the_call_that_trips_has_the_state_change(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)

    trip(breaker)

    before, tripping = spans()
    assert (events(before), state_change_to(before)) == ([], None)
    assert events(tripping) == [
        {
            "circuit_breaker.name": "payments",
            "circuit_breaker.mode": "enforce",
            "circuit_breaker.state_change.from": "closed",
            "circuit_breaker.state_change.to": "open",
            "circuit_breaker.state_change.reason": "failure_threshold",
            "circuit_breaker.episode": breaker.snapshot().episode,
        }
    ]


def test_the_call_that_trips_can_be_found_by_its_attributes(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)

    trip(breaker)

    assert spans.last().attributes == {
        "circuit_breaker.name": "payments",
        "circuit_breaker.state": "closed",
        "circuit_breaker.call.outcome": "failure",
        "circuit_breaker.state_change.to": "open",
        "circuit_breaker.episode": breaker.snapshot().episode,
        "error.type": "TimeoutError",
    }


def test_a_probe_that_recovers_has_both_state_changes_and_the_last_as_attribute(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    clock.advance(30)

    breaker.call(int)

    assert state_changes(spans.last()) == [
        ("open", "half_open", "recovery_time_elapsed"),
        ("half_open", "closed", "probe_succeeded"),
    ]
    assert state_change_to(spans.last()) == "closed"


def test_a_probe_that_fails_has_both_state_changes_and_the_last_as_attribute(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    clock.advance(30)

    fail(breaker)

    assert state_changes(spans.last()) == [
        ("open", "half_open", "recovery_time_elapsed"),
        ("half_open", "open", "probe_failed"),
    ]
    assert state_change_to(spans.last()) == "open"


def test_a_refused_call_that_finds_a_lost_probe_has_the_state_change(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock, probe_timeout=5)
    trip(breaker)
    clock.advance(30)
    breaker.can_execute()
    clock.advance(5)

    with pytest.raises(CircuitOpenError):
        breaker.call(int)

    assert state_changes(spans.last()) == [("half_open", "open", "probe_timeout")]
    assert state_change_to(spans.last()) == "open"


def test_all_events_and_spans_of_an_outage_are_one_episode(spans: Spans, clock: FakeClock) -> None:
    breaker = payments(clock)
    trip(breaker)
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    clock.advance(30)
    fail(breaker)
    clock.advance(30)
    breaker.call(int)

    outage = spans()[1:]

    of_spans = {(span.attributes or {})["circuit_breaker.episode"] for span in outage}
    of_events = {event["circuit_breaker.episode"] for span in outage for event in events(span)}
    assert len(of_spans | of_events) == 1


def test_an_event_of_a_shadow_has_its_mode(spans: Spans, clock: FakeClock) -> None:
    trip(payments(clock, mode="shadow"))

    assert [event["circuit_breaker.mode"] for event in events(spans.last())] == ["shadow"]


def test_an_operators_state_change_is_on_no_span(make_sdk: MakeSdk) -> None:
    finished = make_sdk()
    breaker = CircuitBreaker("payments")

    with breaker.guard():
        breaker.force_open()

    (span,) = finished()
    assert (events(span), state_change_to(span)) == ([], None)


def test_a_listener_gets_the_span_context_of_the_call_that_caused_a_state_change(
    spans: Spans, clock: FakeClock
) -> None:
    changes: list[StateChange] = []
    breaker = payments(clock)
    breaker.add_listener(changes.append)

    trip(breaker)
    clock.advance(30)
    breaker.call(int)

    _, tripping, probe = spans()
    assert [change.span_context for change in changes] == [tripping.context, probe.context, probe.context]


def test_a_listener_gets_the_span_context_of_the_refused_call_that_found_a_lost_probe(
    spans: Spans, clock: FakeClock
) -> None:
    changes: list[StateChange] = []
    breaker = payments(clock, probe_timeout=5)
    trip(breaker)
    clock.advance(30)
    breaker.can_execute()
    clock.advance(5)
    breaker.add_listener(changes.append)

    with pytest.raises(CircuitOpenError):
        breaker.call(int)

    assert [change.span_context for change in changes] == [spans.last().context]


def test_a_listener_gets_the_span_context_of_the_refused_call_that_found_a_hung_call(
    spans: Spans, clock: FakeClock
) -> None:
    changes: list[StateChange] = []
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=1, minimum_calls=1)
    breaker.add_listener(changes.append)
    breaker.can_execute()
    clock.advance(2)

    with pytest.raises(CircuitOpenError):
        breaker.call(int)

    assert [change.span_context for change in changes] == [spans.last().context]


def test_a_listener_gets_the_span_context_in_which_an_operator_changed_the_state(make_sdk: MakeSdk) -> None:
    make_sdk()
    changes: list[StateChange] = []
    outer, breaker = CircuitBreaker("orders"), CircuitBreaker("payments")
    breaker.add_listener(changes.append)

    breaker.force_closed()
    with outer.guard():
        breaker.force_open()

    assert changes[0].span_context is None
    assert changes[1].span_context is not None
