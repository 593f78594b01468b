"""Broken tracing is logged once, and does not affect the circuit."""

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
def test_broken_tracing_is_logged_once(
    make_sdk: MakeSdk, caplog: pytest.LogCaptureFixture, parts: tuple[Any, ...]
) -> None:
    make_sdk(*parts)
    breaker, other = CircuitBreaker("payments"), CircuitBreaker("orders")

    with caplog.at_level(logging.ERROR, "otel_breaker"):
        for _ in range(3):
            breaker.call(int)
            with other.guard():
                pass

    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert ["the guarded calls are not affected" in message for message in errors] == [True]


def test_a_refusal_whose_span_fails_is_logged(make_sdk: MakeSdk, caplog: pytest.LogCaptureFixture) -> None:
    make_sdk(BrokenSampler())
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    with caplog.at_level(logging.ERROR, "otel_breaker"), pytest.raises(CircuitOpenError):
        breaker.call(int)

    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert ["the guarded calls are not affected" in message for message in errors] == [True]


def test_listeners_receive_state_changes_though_tracing_is_broken(
    make_sdk: MakeSdk, caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    make_sdk(ALWAYS_ON, BrokenAtStart())
    changes: list[StateChange] = []
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.add_listener(changes.append)

    breaker.record_failure()
    clock.advance(60)
    breaker.call(int)

    assert [change.to_state.value for change in changes] == ["open", "half_open", "closed"]


class InterruptedAtStart(SpanProcessor):
    """Is interrupted, as by Ctrl-C, while a span starts, once."""

    def __init__(self) -> None:
        self.armed = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(make_sdk: MakeSdk, clock: FakeClock) -> CircuitBreaker:
    """An open breaker whose next call, a probe, is interrupted before the function runs."""
    processor = InterruptedAtStart()
    make_sdk(ALWAYS_ON, processor)
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    processor.armed = True
    return breaker


def test_a_probe_that_is_interrupted_while_its_span_starts_returns_its_permit(interrupted: CircuitBreaker) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted.call(int)

    assert interrupted.call(int) == 0
    assert interrupted.state is CircuitState.CLOSED


def test_listeners_receive_state_changes_though_a_call_was_interrupted_while_its_span_started(
    interrupted: CircuitBreaker,
) -> None:
    changes: list[str] = []
    interrupted.add_listener(lambda change: changes.append(change.to_state.value))

    with pytest.raises(KeyboardInterrupt):
        interrupted.call(int)
    interrupted.force_open()

    assert changes == ["half_open", "forced_open"]


@pytest.mark.parametrize("call", [lambda breaker, function: breaker(function)(), CircuitBreaker.call])
def test_a_call_that_is_refused_because_its_span_fails_to_start_does_not_run(call: Any, make_sdk: MakeSdk) -> None:
    breaker, ran = CircuitBreaker("payments"), []

    class OpeningSampler(BrokenSampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> Any:
            breaker.force_open()
            raise OSError("sampler")

    make_sdk(OpeningSampler())

    with pytest.raises(CircuitOpenError):
        call(breaker, lambda: ran.append(1))

    assert ran == []
