"""Tracing that breaks never breaks a call; and what a call is about never gets into its spans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, StateChange
from tests.telemetry.conftest import WatchingSampler

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import MakeSdk


class BrokenAtStart(SpanProcessor):
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        raise OSError("processor")


class BrokenAtEnd(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        raise OSError("processor")


class BrokenSampler(WatchingSampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        raise OSError("sampler")


BROKEN = [(ALWAYS_ON, BrokenAtStart()), (ALWAYS_ON, BrokenAtEnd()), (BrokenSampler(),)]
broken = pytest.mark.parametrize("parts", BROKEN, ids=["processor at start", "processor at end", "sampler"])


@broken
def test_broken_tracing_changes_no_result(
    make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture, parts: tuple[Any, ...]
) -> None:
    make_sdk(*parts)
    breaker = CircuitBreaker("payments", failure_threshold=2)

    results = [breaker.call(int, "7"), breaker.call(int, "8")]

    assert results == [7, 8]
    assert breaker.snapshot().calls["success"] == 2


@broken
async def test_broken_tracing_changes_no_result_of_a_coroutine(
    make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture, parts: tuple[Any, ...]
) -> None:
    make_sdk(*parts)

    @CircuitBreaker("payments")
    async def answer() -> int:
        return 7

    assert await answer() == 7


@broken
def test_broken_tracing_replaces_no_exception_and_no_refusal(
    make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture, parts: tuple[Any, ...]
) -> None:
    make_sdk(*parts)
    breaker = CircuitBreaker("payments", failure_threshold=1)

    with pytest.raises(ValueError, match="invalid literal"):
        breaker.call(int, "no number")
    with pytest.raises(CircuitOpenError):
        breaker.call(int, "7")

    assert breaker.state is CircuitState.OPEN


@broken
def test_broken_tracing_is_logged_once(
    make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture, parts: tuple[Any, ...]
) -> None:
    make_sdk(*parts)
    breaker, other = CircuitBreaker("payments"), CircuitBreaker("orders")

    with complaints.at_level(logging.ERROR, "otel_breaker"):
        for _ in range(3):
            breaker.call(int)
            with other.guard():
                pass

    told = [record.getMessage() for record in complaints.records if record.levelno == logging.ERROR]
    assert ["the guarded calls are not affected" in message for message in told] == [True]


def test_a_refusal_that_could_not_be_told_is_logged(make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture) -> None:
    make_sdk(BrokenSampler())
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    with complaints.at_level(logging.ERROR, "otel_breaker"), pytest.raises(CircuitOpenError):
        breaker.call(int)

    told = [record.getMessage() for record in complaints.records if record.levelno == logging.ERROR]
    assert ["the guarded calls are not affected" in message for message in told] == [True]


def test_listeners_hear_of_moves_though_tracing_is_broken(
    make_sdk: MakeSdk, complaints: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    make_sdk(ALWAYS_ON, BrokenAtStart())
    told: list[StateChange] = []
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.add_listener(told.append)

    breaker.record_failure()
    clock.advance(60)
    breaker.call(int)

    assert [change.to_state.value for change in told] == ["open", "half_open", "closed"]


class InterruptedAtStart(SpanProcessor):
    """Somebody presses Ctrl-C while a span is started, once."""

    def __init__(self) -> None:
        self.armed = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(make_sdk: MakeSdk, clock: FakeClock) -> CircuitBreaker:
    """An open breaker whose next call, a probe, is interrupted before it begins."""
    processor = InterruptedAtStart()
    make_sdk(ALWAYS_ON, processor)
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    processor.armed = True
    return breaker


def test_a_probe_that_is_interrupted_while_its_span_starts_gives_its_place_back(interrupted: CircuitBreaker) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted.call(int)

    assert interrupted.call(int) == 0
    assert interrupted.state is CircuitState.CLOSED


def test_listeners_hear_of_moves_though_a_call_was_interrupted_while_its_span_started(
    interrupted: CircuitBreaker,
) -> None:
    told: list[str] = []
    interrupted.add_listener(lambda change: told.append(change.to_state.value))

    with pytest.raises(KeyboardInterrupt):
        interrupted.call(int)
    interrupted.force_open()

    assert told == ["half_open", "forced_open"]


# --- secrets

SECRET = "4111-1111-1111-1111"


class Declined(Exception):
    pass


def charge(card: str, *, pin: str = "", url: str = "") -> str:
    raise Declined(f"card {card} with {pin} at {url}")


def everything(spans: Spans) -> str:
    return "".join(span.to_json() for span in spans())


def test_neither_arguments_nor_what_an_exception_says_get_into_spans(spans: Spans, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    call = breaker(charge)

    for error in (Declined, CircuitOpenError):
        with pytest.raises(error):
            call(SECRET, pin=SECRET, url=f"https://user:{SECRET}@example.com")
    clock.advance(60)
    with pytest.raises(Declined):
        call(SECRET)

    assert len(spans()) == 3
    assert SECRET not in everything(spans)


def test_what_a_call_returns_gets_into_no_span(spans: Spans) -> None:
    CircuitBreaker("payments", failure_result=bool).call(str, SECRET)

    assert "_OTHER" in everything(spans)
    assert SECRET not in everything(spans)


def test_an_exception_is_not_recorded_as_an_event(spans: Spans) -> None:
    with pytest.raises(Declined):
        CircuitBreaker("payments").call(charge, SECRET)

    assert list(spans.last().events) == []
