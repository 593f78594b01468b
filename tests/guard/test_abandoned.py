"""A call that is never finished keeps no probe's place, no unfinished span and no object alive."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import trio

from otel_breaker import CircuitBreaker, CircuitState
from tests.guard.shapes import DRIVERS, KINDS, Broken, Kind, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.conftest import Spans
    from tests.fakes import FakeClock

SUSPENDED = [kind for kind in KINDS if kind.family != "function" and kind.target == kind.use]


RETURNING = [
    "answer_awaitable",
    "answer_request",
    "answer_generator",
    "answer_async_generator",
    "answer_session",
    "answer_async_session",
]


class Argument(str):
    """An argument whose end a weak reference shows."""

    __slots__ = ("__weakref__",)


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    """A circuit whose next call is a probe."""
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=10, clock=clock)
    breaker.record_failure()
    clock.advance(10)
    return breaker


@pytest.mark.parametrize("kind", SUSPENDED, ids=lambda kind: kind.target)
@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
def test_a_stream_that_is_dropped_half_way_keeps_nothing_alive(
    breaker: CircuitBreaker,
    kind: Kind,
    traced: bool,
    request: pytest.FixtureRequest,
) -> None:
    if traced:
        request.getfixturevalue("spans")
    guarded = breaker(found(kind.target))

    def begin_and_drop() -> weakref.ref[Argument]:
        how = Argument("abandon")
        DRIVERS[kind.family](guarded, how)
        return weakref.ref(how)

    dropped = begin_and_drop()
    gc.collect()

    assert dropped() is None
    assert breaker.snapshot().probes_in_flight == 0


@pytest.mark.parametrize("kind", SUSPENDED, ids=lambda kind: kind.target)
def test_a_stream_that_is_dropped_half_way_has_one_ended_span(
    breaker: CircuitBreaker, kind: Kind, spans: Spans
) -> None:
    DRIVERS[kind.family](breaker(found(kind.target)), "abandon")

    assert [span.end_time is not None for span in spans()] == [True]


# Where a function returns a coroutine or stream, its call began when it returned.
@pytest.mark.parametrize(
    "kind",
    [kind for kind in SUSPENDED if kind.target not in RETURNING],
    ids=lambda kind: kind.target,
)
def test_a_coroutine_or_stream_that_is_never_started_is_no_call(
    breaker: CircuitBreaker, kind: Kind, spans: Spans
) -> None:
    made = breaker(found(kind.target))("return")
    if hasattr(made, "close"):
        made.close()
    del made

    assert spans() == ()
    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["cancelled"] == 0


@pytest.mark.parametrize("target", RETURNING)
@pytest.mark.filterwarnings("ignore:coroutine 'answer_later' was never awaited:RuntimeWarning")
@pytest.mark.usefixtures("without_collector")
def test_a_returned_coroutine_or_stream_that_is_never_started_frees_its_probe_without_the_collector(
    breaker: CircuitBreaker, spans: Spans, target: str
) -> None:
    made: Any = breaker(found(target))("return")
    during = breaker.snapshot().probes_in_flight

    del made

    assert (during, breaker.snapshot().probes_in_flight) == (1, 0)
    assert len(spans()) == 1


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
@pytest.mark.filterwarnings(
    "ignore:Async generator:ResourceWarning"
)  # of Trio: the tests abandon generators on purpose
def test_an_async_stream_that_a_task_leaves_open_is_ended_with_its_loop(
    breaker: CircuitBreaker, run: Callable[..., Any], spans: Spans
) -> None:
    @breaker
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> None:
        async for _ in stream():
            break

    if run is asyncio.run:
        run(main())
    else:
        run(main)
    gc.collect()

    assert breaker.snapshot().probes_in_flight == 0
    assert len(spans()) == 1


async def test_a_thousand_cancelled_tasks_hold_nothing(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)

    @breaker
    async def wait() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(wait()) for _ in range(1_000)]
    await asyncio.sleep(0)
    gone = [weakref.ref(task) for task in tasks]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    del task, tasks
    gc.collect()

    assert breaker.snapshot().calls["cancelled"] == 1_000
    assert [reference for reference in gone if reference() is not None] == []


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
def test_an_error_that_passes_a_stream_keeps_nothing_alive_without_the_collector(
    breaker: CircuitBreaker,
    traced: bool,
    request: pytest.FixtureRequest,
) -> None:
    if traced:
        request.getfixturevalue("spans")

    @breaker
    def stream() -> Iterator[int]:
        yield 1
        raise Broken

    def read() -> weakref.ref[Broken]:
        try:
            list(stream())
        except Broken as error:
            return weakref.ref(error)
        raise AssertionError("it was to raise")

    gc.disable()
    try:
        assert read()() is None
    finally:
        gc.enable()
