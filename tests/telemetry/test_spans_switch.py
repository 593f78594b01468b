"""`spans: off` and `spans: problems`: which calls have a span, and its attributes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode

from otel_breaker import CircuitBreaker, CircuitOpenError, configure
from tests.telemetry.conftest import WatchingSampler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk, Metrics

    Entry = Callable[[CircuitBreaker, Callable[[], object]], object]


def by_function(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    return breaker(work)()


def by_coroutine(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    @breaker
    async def ask() -> object:
        return work()

    return asyncio.run(ask())


def by_awaitable(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    async def later() -> object:
        return work()

    async def main() -> object:
        return await breaker(lambda: later())()  # noqa: PLW0108  # a function that returns a coroutine

    return asyncio.run(main())


def by_generator(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    @breaker
    def ask() -> Iterator[object]:
        yield 0
        yield work()

    return list(ask())


def by_async_generator(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    @breaker
    async def ask() -> AsyncIterator[object]:
        yield 0
        yield work()

    async def main() -> object:
        return [item async for item in ask()]

    return asyncio.run(main())


def by_block(breaker: CircuitBreaker, work: Callable[[], object]) -> object:
    with breaker.guard():
        return work()


ENTRIES: list[Entry] = [by_function, by_coroutine, by_awaitable, by_generator, by_async_generator, by_block]
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)


def payments(clock: FakeClock, **settings: Any) -> CircuitBreaker:
    return CircuitBreaker("payments", clock=clock, **{"failure_threshold": 2, "recovery_time": 30, **settings})


def work(error: BaseException | None = None) -> Callable[[], object]:
    """Makes a span of its own, and ends as configured."""

    def act() -> object:
        with trace.get_tracer("application").start_as_current_span("work"):
            if error is not None:
                raise error
        return 7

    return act


def ask(breaker: CircuitBreaker, entry: Entry, error: BaseException | None = None) -> None:
    with suppress(TimeoutError, KeyError, KeyboardInterrupt, CircuitOpenError):
        entry(breaker, work(error))


def ours(spans: tuple[ReadableSpan, ...] | list[ReadableSpan]) -> list[ReadableSpan]:
    return [span for span in spans if span.name == "circuit_breaker payments"]


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def outcomes(spans: Spans) -> list[Any]:
    return [attributes_of(span)["circuit_breaker.call.outcome"] for span in ours(spans())]


# --- off


@every_entry
def test_with_spans_off_no_call_has_a_span_and_its_work_hangs_under_the_caller(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="off")
    breaker = payments(clock)

    with trace.get_tracer("application").start_as_current_span("caller") as caller:
        for error in (None, TimeoutError(), TimeoutError(), None):  # the last is refused
            ask(breaker, entry, error)

    assert ours(spans()) == []
    parents = [span.parent for span in spans() if span.name == "work"]
    assert parents == [caller.get_span_context()] * 3


def test_with_spans_off_nothing_is_made_current(spans: Spans) -> None:
    configure(spans="off")
    before, within = context.get_current(), []

    CircuitBreaker("payments").call(lambda: within.append(context.get_current()))

    assert within == [before]
    assert within[0] is before


def test_with_spans_off_calls_are_counted_and_state_changes_logged(
    spans: Spans, metrics: Metrics, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    configure(spans="off")
    breaker = payments(clock, failure_threshold=1)

    with caplog.at_level("WARNING", "otel_breaker.state_change"):
        for error in (None, TimeoutError(), None):
            ask(breaker, by_function, error)

    assert metrics.points("circuit_breaker.calls", "call.outcome") == {
        ("success",): 1,
        ("failure",): 1,
        ("rejected",): 1,
    }
    assert metrics.points("circuit_breaker.state_changes", "state_change.to") == {("open",): 1}
    assert len(caplog.records) == 1
    assert ours(spans()) == []


# --- problems: which calls have one


@every_entry
def test_with_problems_a_call_that_goes_well_or_is_ignored_has_no_span(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="problems")
    breaker = payments(clock, ignore=[KeyError])

    ask(breaker, entry)
    ask(breaker, entry, KeyError())

    assert breaker.snapshot().calls["success"] == breaker.snapshot().calls["ignored"] == 1
    assert ours(spans()) == []


@every_entry
def test_with_problems_failed_cancelled_refused_and_probing_calls_have_one(
    entry: Entry, spans: Spans, clock: FakeClock
) -> None:
    configure(spans="problems")
    breaker = payments(clock)

    ask(breaker, entry, KeyboardInterrupt())
    ask(breaker, entry, TimeoutError())
    ask(breaker, entry, TimeoutError())
    ask(breaker, entry)
    clock.advance(30)
    ask(breaker, entry)
    ask(breaker, entry)

    assert outcomes(spans) == ["cancelled", "failure", "failure", "rejected", "success"]
    states = [attributes_of(span)["circuit_breaker.state"] for span in ours(spans())]
    assert states == ["closed", "closed", "closed", "open", "half_open"]


@pytest.mark.parametrize("entry", [by_function, by_coroutine, by_block], ids=lambda entry: entry.__name__)
def test_with_problems_a_slow_call_has_one(entry: Entry, spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, slow_call_duration=2, slow_call_rate=0.5)

    entry(breaker, lambda: clock.advance(1))
    entry(breaker, lambda: clock.advance(2))

    (slow,) = ours(spans())
    assert attributes_of(slow)["circuit_breaker.call.slow"] is True
    assert attributes_of(slow)["circuit_breaker.call.outcome"] == "success"


def test_with_problems_a_generator_with_a_slow_step_has_one(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")

    @payments(clock, slow_call_duration=2, slow_call_rate=0.5)
    def pages() -> Iterator[int]:
        clock.advance(2)
        yield 1
        yield 2

    list(pages())

    assert [attributes_of(span)["circuit_breaker.call.slow"] for span in ours(spans())] == [True]


def test_with_problems_a_result_that_is_a_failure_has_one(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, failure_result=lambda result: result == "no")

    breaker.call(str, "yes")
    breaker.call(str, "no")

    assert [attributes_of(span)["error.type"] for span in ours(spans())] == ["_OTHER"]


def test_with_problems_a_block_that_calls_itself_failed_has_one(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")

    with payments(clock).guard() as block:
        block.failed("503")

    assert [attributes_of(span)["error.type"] for span in ours(spans())] == ["503"]


def test_with_problems_a_call_that_a_shadow_would_have_refused_has_one(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, failure_threshold=1, mode="shadow")
    ask(breaker, by_function, TimeoutError())

    ask(breaker, by_function)

    assert attributes_of(ours(spans())[-1])["circuit_breaker.shadow.rejected"] is True


def test_with_problems_a_probe_without_a_state_change_has_a_span(spans: Spans, clock: FakeClock) -> None:
    configure(spans="problems")
    breaker = payments(clock, failure_threshold=1, half_open_calls=3)
    ask(breaker, by_function, TimeoutError())
    clock.advance(30)

    for _ in range(3):
        ask(breaker, by_function)

    state_changes = [attributes_of(span).get("circuit_breaker.state_change.to") for span in ours(spans())]
    assert state_changes == ["open", "half_open", None, "closed"]


# --- problems: the attributes


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
