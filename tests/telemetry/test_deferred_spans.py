"""`spans: problems`: the attributes, times and parents of spans that start afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import StatusCode

from otel_breaker import CircuitBreaker, configure
from tests.telemetry.conftest import WatchingSampler
from tests.telemetry.entries import (
    ask,
    attributes_of,
    by_function,
    every_entry,
    ours,
    payments,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk

    Entry = Callable[[CircuitBreaker, Callable[[], object]], object]


@every_entry
def test_with_problems_a_span_begins_with_the_call_and_ends_with_it(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="problems")
    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        ask(payments(clock), entry, TimeoutError())

    (span,) = ours(spans())
    worked = next(span for span in spans() if span.name == "work")
    outer = spans.last()
    assert outer.start_time <= span.start_time <= worked.start_time  # type: ignore[operator]
    assert worked.end_time <= span.end_time <= outer.end_time  # type: ignore[operator]
    assert span.parent == caller.get_span_context()


@every_entry
def test_with_problems_the_children_of_a_failed_call_are_its_callers(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="problems")

    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        ask(payments(clock), entry, TimeoutError())

    assert [span.parent for span in spans() if span.name == "work"] == [caller.get_span_context()]


def test_with_problems_a_probe_and_a_fallback_have_children(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, failure_threshold=1, fallback=work())
    ask(breaker, by_function, TimeoutError())

    ask(breaker, by_function)
    clock.advance(30)
    ask(breaker, by_function)

    _, refused, probe = ours(spans())
    assert [span.parent for span in spans() if span.name == "work"][1:] == [refused.context, probe.context]


@every_entry
def test_with_problems_samplers_get_the_same_as_with_all(entry: Entry, make_sdk: MakeSdk, clock: FakeClock) -> None:
    def starts(switch: Any) -> list[dict[str, Any]]:
        sampler = WatchingSampler()
        make_sdk(sampler)
        configure(spans=switch)
        breaker = payments(clock)
        for error in (TimeoutError(), TimeoutError(), None):
            ask(breaker, entry, error)
        found = [start.attributes for start in sampler.starts if start.name.startswith("circuit_breaker")]
        return [{**each, "circuit_breaker.episode": "?"} for each in found]

    assert starts("problems") == starts("all")


def shown(spans: list[ReadableSpan]) -> list[dict[str, Any]]:
    """The contents of spans, with ids that are equal for equal runs."""
    places = {span.context.span_id: place for place, span in enumerate(spans) if span.context is not None}
    episodes: dict[object, int] = {None: -1}

    def same(attributes: Any) -> dict[str, Any]:
        episode = attributes.get("circuit_breaker.episode")
        return {**attributes, "circuit_breaker.episode": episodes.setdefault(episode, len(episodes))}

    return [
        {
            "kind": span.kind,
            "status": span.status.status_code,
            "attributes": same(span.attributes),
            "links": [places[link.context.span_id] for link in span.links],
            "events": [(event.name, same(event.attributes)) for event in span.events],
        }
        for span in spans
    ]


@every_entry
def test_with_problems_the_story_of_an_incident_is_that_of_all_without_the_successes(
    entry: Entry, make_sdk: MakeSdk, clock: FakeClock
) -> None:
    def story(switch: Any) -> list[dict[str, Any]]:
        finished = make_sdk()
        configure(spans=switch)
        breaker = payments(clock)
        for error in (None, TimeoutError(), None, TimeoutError(), TimeoutError(), None, None):
            ask(breaker, entry, error)  # trips at the fifth
        clock.advance(30)
        ask(breaker, entry, TimeoutError())  # a failed recovery
        ask(breaker, entry)
        clock.advance(30)
        ask(breaker, entry)  # the recovery
        ask(breaker, entry)
        success = {"circuit_breaker.state": "closed", "circuit_breaker.call.outcome": "success"}.items()
        return shown([span for span in ours(finished()) if not success <= attributes_of(span).items()])

    seen = story("problems")

    assert seen == story("all")
    assert [span["links"] for span in seen] == [[], [], [], [2], [2], [2], [5], [5]]


def test_with_problems_a_success_that_finds_a_hung_call_has_the_trip(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, failure_threshold=None, slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1)
    breaker.guard().__enter__()  # hangs
    clock.advance(1)

    with breaker.guard():
        clock.advance(1)
    ask(breaker, by_function)

    finding, refused = ours(spans())
    assert attributes_of(finding)["circuit_breaker.call.outcome"] == "success"
    assert attributes_of(finding)["circuit_breaker.state_change.to"] == "open"
    assert [event.name for event in finding.events] == ["circuit_breaker.state_change"]
    assert attributes_of(refused)["circuit_breaker.link"] == "opening"
    assert [link.context for link in refused.links] == [finding.context]


@every_entry
def test_with_problems_the_callers_error_has_a_span(entry: Entry, spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")

    ask(payments(clock), entry, TimeoutError())

    (span,) = ours(spans())
    assert attributes_of(span)["error.type"] == "TimeoutError"
    assert span.status.status_code is StatusCode.ERROR
