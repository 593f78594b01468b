"""Results that raise when they are inspected: the caller gets the same object, and the call is counted and ended."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.counts import counted
from tests.guard.shapes import Broken, answer_later

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.conftest import Spans
    from tests.fakes import FakeClock


def _raise(*_arguments: object) -> Any:
    raise KeyError("own")


def metaclass(**raising: Any) -> type[type]:
    return type("Meta", (type,), raising)


def of(meta: type[type], **namespace: Any) -> Callable[[], object]:
    """An instance of a class with this metaclass."""
    kind = meta("Hostile", (), namespace)
    return lambda: object.__new__(kind)


def awaited(_self: object) -> Generator[Any, Any, str]:
    return answer_later("return").__await__()


@property  # type: ignore[misc]  # an attribute of classes that are made below
def raising_property(_self: object) -> Any:
    raise KeyError("own")


FAULTY: dict[str, Callable[[], object]] = {
    "metaclass __getattr__": of(metaclass(__getattr__=_raise)),
    "metaclass __getattribute__": of(metaclass(__getattribute__=_raise)),
    "metaclass __hash__": of(metaclass(__hash__=_raise)),
    "metaclass __eq__": of(metaclass(__eq__=_raise, __hash__=lambda kind: hash(int))),
    "metaclass __instancecheck__": of(metaclass(__instancecheck__=_raise, __subclasscheck__=_raise)),
    "metaclass __mro__ and __dict__": of(metaclass(__mro__=raising_property, __dict__=raising_property)),
    "__getattr__": of(type, __getattr__=_raise),
    "__getattribute__": of(type, __getattribute__=_raise),
    "__class__": of(type, __class__=raising_property),
    "an awaitable's __getattr__": of(type, __await__=awaited, __getattr__=_raise),
    "an awaitable's __getattribute__": of(type, __await__=awaited, __getattribute__=_raise),
    "an awaitable's __dict__": of(type, __await__=awaited, __dict__=raising_property),
    "an awaitable's __setattr__": of(type, __await__=awaited, __setattr__=_raise),
    "an awaitable's metaclass": of(metaclass(__getattr__=_raise, __hash__=_raise), __await__=awaited),
    "a future's callbacks": of(type, _asyncio_future_blocking=False, add_done_callback=_raise),
    "a future that has none": of(type, _asyncio_future_blocking=False),
    "a Deferred's callbacks": of(type, addBoth=_raise),
    "a paginator that is none": of(type, _get_page=raising_property, __await__=awaited),
}


@pytest.fixture(params=["untraced", "traced", "timed", "by key"])
def breaker(clock: FakeClock, request: pytest.FixtureRequest) -> CircuitBreaker:
    if request.param == "traced":
        request.getfixturevalue("spans")
    timed: Any = {"slow_call_duration": 1, "slow_call_rate": 1} if request.param == "timed" else {}
    key = "one" if request.param == "by key" else None
    return CircuitBreaker(key=key, failure_threshold=5, recovery_time=10, clock=clock, **timed)


@pytest.mark.parametrize("make", FAULTY.values(), ids=FAULTY)
def test_it_is_returned_itself_and_counted(breaker: CircuitBreaker, make: Callable[[], object]) -> None:
    made = make()

    given = [breaker(lambda: made)() for _ in range(2)]

    assert [one is made for one in given] == [True, True]
    assert counted(breaker) == {"success": 2}


@pytest.mark.parametrize("make", FAULTY.values(), ids=FAULTY)
async def test_a_coroutine_function_returns_it_itself_and_counts_it(
    breaker: CircuitBreaker, make: Callable[[], object]
) -> None:
    made = make()

    async def ask() -> object:
        return made

    assert await breaker(ask)() is made
    assert counted(breaker) == {"success": 1}


@pytest.mark.parametrize("make", FAULTY.values(), ids=FAULTY)
def test_as_a_probe_it_closes_the_circuit(
    breaker: CircuitBreaker, clock: FakeClock, make: Callable[[], object]
) -> None:
    for _ in range(5):
        breaker.record_failure()
    assert breaker.state is CircuitState.OPEN
    clock.advance(10)

    breaker(make)()

    assert (breaker.state, breaker.snapshot().probes_in_flight) == (CircuitState.CLOSED, 0)


@pytest.mark.parametrize("make", FAULTY.values(), ids=FAULTY)
def test_its_span_is_ended_and_not_left_current(clock: FakeClock, spans: Spans, make: Callable[[], object]) -> None:
    CircuitBreaker(clock=clock)(make)()

    assert [span.end_time is not None for span in spans()] == [True]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_class_that_takes_all_attributes_is_no_call_in_progress(breaker: CircuitBreaker) -> None:
    class Anything:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: self

    assert type(breaker(Anything)()) is Anything
    assert counted(breaker) == {"success": 1}


class Interrupting(Future[str]):
    """A future that raises KeyboardInterrupt when it is inspected."""

    def add_done_callback(self, fn: object) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_while_a_result_is_looked_at_ends_the_call(breaker: CircuitBreaker) -> None:
    with pytest.raises(KeyboardInterrupt):
        breaker(Interrupting)()

    assert counted(breaker) == {"cancelled": 1}


def test_a_result_whose_judging_is_interrupted_ends_the_call(clock: FakeClock, spans: Spans) -> None:
    def pressed(_result: object) -> bool:
        raise KeyboardInterrupt

    breaker = CircuitBreaker(failure_result=pressed, clock=clock)

    with pytest.raises(KeyboardInterrupt):
        breaker(str)()

    assert sum(counted(breaker).values()) == 1
    assert [span.end_time is not None for span in spans()] == [True]


async def test_a_future_whose_exception_cannot_be_classified_by_its_class_is_still_over(
    breaker: CircuitBreaker,
) -> None:
    class Own(asyncio.Future[str]):
        def result(self) -> str:
            raise Broken

    future = breaker(Own)()
    future.set_result("answer")
    await asyncio.sleep(0)

    assert sum(counted(breaker).values()) == 1
