"""Everything that breakers do, as scenarios, whose telemetry the live check compares with the schema.

A scenario asserts nothing. The objects that it returns are kept alive until the metrics are collected.
"""

from __future__ import annotations

import asyncio
import colorsys  # noqa: F401  # one of the targets
from contextlib import contextmanager, suppress
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, configure
from otel_breaker.core.states import TRANSITIONS, Trigger
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.guard.entries import ENTRIES
from tests.guard.shapes import DRIVERS, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.settings import TelemetryKeywords
    from otel_breaker.testing import FakeClock

UNSAMPLED = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT)))
ANY_END = (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
MANUAL = (Trigger.FORCE_OPEN, Trigger.FORCE_CLOSED, Trigger.RESET)


def payments(**settings: Any) -> CircuitBreaker:
    return CircuitBreaker("payments", **{"failure_threshold": 1, "recovery_time": 10, **settings})


def call(breaker: CircuitBreaker, error: BaseException | None = None, *, within: Callable[[], object] = int) -> None:
    """A call that runs `within`, and then raises the error, if any."""
    with suppress(*ANY_END), breaker.guard():
        within()
        if error is not None:
            raise error


def bring(breaker: CircuitBreaker, state: CircuitState, clock: FakeClock) -> None:
    """Bring a new circuit into a state; into half-open with its only probe in flight."""
    if state is CircuitState.FORCED_OPEN:
        breaker.force_open()
    elif state is CircuitState.FORCED_CLOSED:
        breaker.force_closed()
    elif state is not CircuitState.CLOSED:
        call(breaker, TimeoutError())
        if state is CircuitState.HALF_OPEN:
            clock.advance(10)
            breaker.can_execute()
            breaker._claim_oldest()  # or the next recorded failure would be that of the probe


def every_entry(clock: FakeClock) -> object:
    """Calls of each family of callables, guarded in each way, in each state, with each ending."""
    kinds = {kind.family: kind for kind in KINDS}.values()
    endings = ("return", "raise", "cancel", "close", "abandon", "throw")
    kept = []
    for kind, entry, state, ending in product(kinds, ENTRIES, CircuitState, endings):
        with pytest.MonkeyPatch.context() as monkeypatch:
            function, breaker = entry(kind, ending, monkeypatch)
            bring(breaker, state, clock)
            with suppress(*ANY_END):
                DRIVERS[kind.family](function, ending)
            breaker.reset()
            kept.append(breaker)
        if OtelBreakerInstrumentor().is_instrumented_by_opentelemetry:
            OtelBreakerInstrumentor().uninstrument()
    return kept


def every_outcome(clock: FakeClock) -> object:
    breaker = payments(failure_threshold=None, ignore=[KeyError], failure_result=lambda result: result == "no")
    for error in (None, TimeoutError(), KeyError(), KeyboardInterrupt()):
        call(breaker, error)
    breaker.call(str, "no")
    with breaker.guard() as block:
        block.failed("503")
    with breaker.guard() as block:
        block.ignored()
    breaker.force_open()
    call(breaker)
    return breaker


def every_command(clock: FakeClock) -> object:
    """Each command of an operator in each state and mode, and some time after it."""
    breakers = []
    for mode, (state, trigger) in product(("enforce", "shadow"), TRANSITIONS):
        if trigger in MANUAL:
            breaker = payments(mode=mode)
            bring(breaker, state, clock)
            getattr(breaker, trigger.value)(reason="drill", actor="test")
            breakers.append(breaker)
    clock.advance(1)
    return breakers


def every_rule(clock: FakeClock) -> object:
    breakers = [
        payments(),
        payments(failure_threshold=None, failure_rate=0.5, minimum_calls=2),
        payments(failure_threshold=None, failure_rate=0.5, minimum_calls=2, window="60s"),
        payments(failure_threshold=None, slow_call_duration=2, slow_call_rate=0.5, minimum_calls=1),
    ]
    for breaker in breakers:
        call(breaker, TimeoutError(), within=lambda: clock.advance(3))
        call(breaker, TimeoutError())
        call(breaker)
    return breakers


def a_call_that_hangs(clock: FakeClock) -> object:
    breaker = payments(failure_threshold=None, slow_call_duration=2, slow_call_rate=1, minimum_calls=1)
    with breaker.guard():
        clock.advance(3)
        call(breaker)
    return breaker


def a_limit_that_is_reached(clock: FakeClock) -> object:
    breaker = payments(max_in_flight=1)
    in_flight = breaker.can_execute()
    call(breaker)
    return breaker, in_flight


def every_end_of_a_probe(clock: FakeClock) -> object:
    ends = (None, TimeoutError(), KeyError(), KeyboardInterrupt())
    breakers = [payments(ignore=[KeyError], probe_timeout=20) for _ in ends]
    for breaker, end in zip(breakers, ends, strict=True):
        bring(breaker, CircuitState.OPEN, clock)
        call(breaker)
        clock.advance(10)
        call(breaker, end)
    lost = payments(probe_timeout=20)
    bring(lost, CircuitState.HALF_OPEN, clock)
    call(lost)
    clock.advance(20)
    call(lost)
    return [*breakers, lost]


def a_fallback(clock: FakeClock) -> Iterator[object]:
    for fallback in (dict, "".join):  # the second one fails
        breaker = payments(fallback=fallback)
        bring(breaker, CircuitState.OPEN, clock)
        with suppress(TypeError):
            breaker.call(dict)
        yield breaker


def two_steps(clock: FakeClock) -> object:
    breaker = payments()
    breaker.record_success(breaker.can_execute())
    with trace.get_tracer("application").start_as_current_span("caller"):
        breaker.record_failure(permit=breaker.can_execute())
    breaker.can_execute()
    return breaker


def shadow(clock: FakeClock) -> Iterator[object]:
    """Calls that are not refused, in each state, with each outcome."""
    for state in (CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.FORCED_OPEN):
        breaker = payments(mode="shadow", ignore=[KeyError])
        bring(breaker, state, clock)
        for error in (None, TimeoutError(), KeyError(), KeyboardInterrupt()):
            call(breaker, error)
        yield breaker


def off(clock: FakeClock) -> object:
    breaker = payments(mode="off")
    call(breaker, TimeoutError())
    return breaker


def an_opening_that_is_not_sampled(clock: FakeClock) -> object:
    breaker = payments(failure_threshold=2)
    call(breaker, TimeoutError())
    with trace.use_span(UNSAMPLED):
        call(breaker, TimeoutError())
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    return breaker


@contextmanager
def targets_of_every_kind() -> Iterator[None]:
    """One guarded, one whose module is never imported, one that does not exist, and one that cannot be guarded."""
    functions = ("colorsys:rgb_to_hsv", "never_imported:function", "colorsys:nothing", "datetime:datetime.now")
    instrumentor = OtelBreakerInstrumentor()
    instrumentor.instrument(targets=[{"function": function} for function in functions])
    try:
        yield
    finally:
        instrumentor.uninstrument()


def an_incident(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for error in (None, TimeoutError(), KeyboardInterrupt(), None):  # the last is refused
        call(breaker, error)
    clock.advance(10)
    call(breaker)


def every_setting(clock: FakeClock) -> Iterator[object]:
    """An incident with each telemetry setting alone; each is reset afterwards."""
    choices: list[TelemetryKeywords] = [
        {"spans": "problems"},
        {"spans": "off"},
        {"events": "span"},
        {"events": "log"},
        {"rejected_span_limit": 0},
        {"duration_histogram": True},
        {"duration_histogram": True, "spans": "problems"},
        {"duration_histogram": True, "spans": "off"},
        {"record_exceptions": True},
        {"record_exceptions": True, "spans": "problems"},
    ]
    for choice in choices:
        configure(**choice)
        for breaker in (payments(), payments(fallback=dict)):
            an_incident(breaker, clock)
            yield breaker
        configure(
            spans="all", events="both", rejected_span_limit=None, duration_histogram=False, record_exceptions=False
        )


SCENARIOS: list[Callable[[FakeClock], object]] = [
    every_entry,
    every_outcome,
    every_command,
    every_rule,
    a_call_that_hangs,
    a_limit_that_is_reached,
    every_end_of_a_probe,
    lambda clock: list(a_fallback(clock)),
    two_steps,
    lambda clock: list(shadow(clock)),
    off,
    an_opening_that_is_not_sampled,
    lambda clock: list(every_setting(clock)),
]
