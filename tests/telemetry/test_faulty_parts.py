"""An SDK whose parts raise or return invalid values changes no guarded call: each outage runs as without it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange, configure
from otel_breaker.circuit import RUNTIME
from otel_breaker.key_template import Template
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.settings import Settings
from tests.fakes import FakeClock
from tests.telemetry.faulty_sdk import PARTS, broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Entry = Callable[[CircuitBreaker, BaseException | None], object]


def answer(error: BaseException | None) -> int:
    if error is not None:
        raise error
    return 7


def by_function(breaker: CircuitBreaker, error: BaseException | None) -> object:
    return breaker.call(answer, error)


def by_coroutine(breaker: CircuitBreaker, error: BaseException | None) -> object:
    @breaker
    async def call() -> int:
        await asyncio.sleep(0)
        return answer(error)

    return asyncio.run(call())


def by_awaitable(breaker: CircuitBreaker, error: BaseException | None) -> object:
    async def call() -> int:
        return answer(error)

    def begin() -> Awaitable[int]:
        return call()

    async def main() -> object:
        return await breaker(begin)()

    return asyncio.run(main())


def by_generator(breaker: CircuitBreaker, error: BaseException | None) -> object:
    @breaker
    def call() -> Iterator[int]:
        yield 0
        yield answer(error)

    return list(call())[-1]


def by_async_generator(breaker: CircuitBreaker, error: BaseException | None) -> object:
    @breaker
    async def call() -> AsyncIterator[int]:
        yield 0
        yield answer(error)

    async def main() -> object:
        return [item async for item in call()][-1]

    return asyncio.run(main())


def by_block(breaker: CircuitBreaker, error: BaseException | None) -> object:
    with breaker.guard():
        return answer(error)


def by_two_steps(breaker: CircuitBreaker, error: BaseException | None) -> object:
    permit = breaker.can_execute()
    if permit is None:
        raise CircuitOpenError
    try:
        result = answer(error)
    except Exception as failure:
        breaker.record_failure(failure, permit)
        raise
    breaker.record_success(permit)
    return result


ENTRIES: list[Entry] = [
    by_function,
    by_coroutine,
    by_awaitable,
    by_generator,
    by_async_generator,
    by_block,
    by_two_steps,
]


def run_outage(entry: Entry) -> list[object]:
    """A success, two failures of which the second trips, a refusal, a probe that recovers, and a success."""
    clock, states = FakeClock(), []

    def listen(change: StateChange) -> None:
        states.append(change.to_state.value)
        broken()

    breaker = CircuitBreaker("payments", failure_threshold=2, recovery_time=60, clock=clock)
    breaker.add_listener(listen)

    def call(error: BaseException | None = None) -> object:
        try:
            return entry(breaker, error)
        except CircuitOpenError:
            return "refused"
        except TimeoutError as raised:
            return raised is error

    results = [call(), call(TimeoutError()), call(TimeoutError()), call()]
    clock.advance(60)
    results += [call(), call()]
    breaker.force_open()
    breaker.reset()
    return [*results, *states, *(count for count in breaker.snapshot().calls.values() if count)]


STORY = [7, True, True, "refused", 7, 7, "open", "half_open", "closed", "forced_open", "closed", 3, 2, 1]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.filterwarnings("ignore:.*Faulty")  # the SDK's own, about the part
def test_a_faulty_part_changes_no_result_no_exception_and_no_state_change(
    entry: Entry, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def story() -> list[object]:
        PARTS[part](monkeypatch)
        return run_outage(entry)

    assert contextvars.copy_context().run(story) == STORY


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.filterwarnings("ignore:.*Faulty")  # as above
def test_a_faulty_part_changes_nothing_where_spans_are_deferred_and_all_is_recorded(
    entry: Entry, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def story() -> list[object]:
        PARTS[part](monkeypatch)
        configure(spans="problems", duration_histogram=True, record_exceptions=True)
        return run_outage(entry)

    assert contextvars.copy_context().run(story) == STORY


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("handler")


@pytest.fixture
def broken_log() -> Iterator[None]:
    log, handler = logging.getLogger("otel_breaker"), BrokenHandler()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@pytest.mark.usefixtures("broken_log")
@pytest.mark.parametrize("part", ["tracer raises", "logger raises", "meter raises"])
def test_a_log_that_is_broken_as_well_changes_nothing(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PARTS[part](monkeypatch)

    assert run_outage(by_function) == STORY


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_and_a_broken_predicate_change_nothing() -> None:
    assert CircuitBreaker(failure_result=broken).call(answer, None) == 7


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_and_a_first_call_at_which_something_fails_change_nothing() -> None:
    def fail() -> None:
        raise RuntimeError("can't start new thread")

    RUNTIME.on_first_call(fail)
    try:
        assert CircuitBreaker().call(answer, None) == 7
    finally:
        RUNTIME.cancel_on_first_call(fail)


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_and_keys_without_room_change_nothing() -> None:
    keyed = KeyedBreaker("http", Settings(max_keys=1))
    keyed.for_key("a").force_open()

    assert keyed.for_key("b").call(answer, None) == 7


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_and_a_key_that_cannot_be_made_change_nothing() -> None:
    keyed = KeyedBreaker("http", Settings())
    answer = lambda host: 7  # noqa: E731  # a function of its own
    call = guard_by_key(keyed, answer, Template("http {host.name}", "here").key_function(answer))

    assert call("no name") == 7
