"""Ways to make one guarded call of each kind, and the spans that it made, for tests of `spans: off` and `problems`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_breaker import CircuitBreaker, CircuitOpenError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Spans
    from tests.fakes import FakeClock

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
