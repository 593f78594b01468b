"""`spans: problems`: which calls have a span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, configure
from tests.telemetry.entries import (
    ask,
    attributes_of,
    by_block,
    by_coroutine,
    by_function,
    every_entry,
    ours,
    outcomes,
    payments,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Spans
    from tests.fakes import FakeClock

    Entry = Callable[[CircuitBreaker, Callable[[], object]], object]


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
