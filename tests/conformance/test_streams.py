"""Streams: a call lasts as long as its generator, and an unread one holds no lease."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import RECOVERY, Broken, due, elsewhere, opened, refuses, succeed

if TYPE_CHECKING:
    from tests.fakes import FakeClock

Shape: TypeAlias = Callable[[CircuitBreaker], Callable[[], Iterator[int]]]

LEASE = 60.0


def guarded(breaker: CircuitBreaker) -> Callable[[], Iterator[int]]:
    @breaker
    def stream() -> Iterator[int]:
        yield from range(3)

    return stream


def with_a_block(breaker: CircuitBreaker) -> Callable[[], Iterator[int]]:
    def stream() -> Iterator[int]:
        with breaker.guard():
            yield from range(3)

    return stream


SHAPES = pytest.mark.parametrize("shape", [guarded, with_a_block])


@SHAPES
def test_a_stream_that_never_begins_takes_no_lease(clock: FakeClock, shape: Shape) -> None:
    breaker = due(clock)

    never_begun = shape(breaker)()

    assert elsewhere(lambda: not refuses(breaker))
    del never_begun


@SHAPES
def test_a_stream_acquires_its_permit_when_it_begins(clock: FakeClock, shape: Shape) -> None:
    breaker = opened(clock)
    stream = shape(breaker)()

    with pytest.raises(CircuitOpenError):
        next(stream)


def test_an_async_stream_that_never_begins_takes_no_lease(clock: FakeClock) -> None:
    breaker = due(clock)

    @breaker
    async def stream() -> AsyncIterator[int]:
        yield 1

    never_begun = stream()

    assert elsewhere(lambda: not refuses(breaker))
    del never_begun


@SHAPES
def test_a_stream_that_is_dropped_half_read_frees_its_lease(clock: FakeClock, shape: Shape) -> None:
    breaker = due(clock, half_open_calls=2)
    stream = shape(breaker)()
    next(stream)
    during = breaker.snapshot().probes_in_flight

    del stream
    gc.collect()

    assert during == 1
    assert breaker.snapshot().probes_in_flight == 0


@SHAPES
def test_a_stream_that_probes_holds_its_lease_while_it_is_read(clock: FakeClock, shape: Shape) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    stream = shape(breaker)()
    next(stream)

    clock.advance(LEASE - 0.001)

    assert elsewhere(lambda: refuses(breaker))


@SHAPES
def test_the_lease_of_a_stream_that_is_held_open_for_ever_expires(clock: FakeClock, shape: Shape) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    held = shape(breaker)()
    next(held)

    clock.advance(LEASE + RECOVERY)
    succeed(breaker)

    assert breaker.state is CircuitState.CLOSED
    del held


@SHAPES
def test_the_end_of_a_stream_whose_lease_has_expired_has_no_effect(clock: FakeClock, shape: Shape) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    held = shape(breaker)()
    next(held)
    clock.advance(LEASE + RECOVERY)

    with breaker.guard():
        rest = list(held)
        during = breaker.state

    assert rest == [1, 2]
    assert during is CircuitState.HALF_OPEN


def test_the_lease_of_an_async_stream_that_is_held_open_for_ever_expires(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)

    @breaker
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> None:
        held = stream()
        await anext(held)
        clock.advance(LEASE + RECOVERY)
        succeed(breaker)
        assert breaker.state is CircuitState.CLOSED
        assert [item async for item in held] == [2]

    asyncio.run(main())


def breaking_off() -> Iterator[int]:
    yield 1
    raise Broken


def guarded_breaking_off(breaker: CircuitBreaker) -> Callable[[], Iterator[int]]:
    return breaker(breaking_off)


def breaking_off_in_a_block(breaker: CircuitBreaker) -> Callable[[], Iterator[int]]:
    def stream() -> Iterator[int]:
        with breaker.guard():
            yield from breaking_off()

    return stream


@pytest.mark.parametrize("shape", [guarded_breaking_off, breaking_off_in_a_block])
def test_a_stream_that_breaks_off_fails_once(clock: FakeClock, shape: Shape) -> None:
    breaker = CircuitBreaker(failure_threshold=2, clock=clock)

    with pytest.raises(Broken):
        list(shape(breaker)())

    assert breaker.failures == 1
